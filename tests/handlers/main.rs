//! Every shape of handler that axum accepts works with `#[underscore_route]`, tested with real
//! requests, in a crate that forbids unsafe code and denies all warnings.
//!
//! Messages for invalid handlers are in `tests/diagnostics`.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs)]
#![deny(clippy::all, clippy::pedantic)]

mod attributes;
mod awaits;
mod called;
// Only warnings here: the output of `axum::debug_middleware` allows those, but no denied lints.
#[warn(clippy::all, clippy::pedantic)]
mod compatibility;
mod declared;
mod editions;
mod generic;
mod hygiene;
mod kept;
mod mounts;
pub mod names;
mod places;
mod router;
mod shapes;
#[path = "../support/mod.rs"]
mod support;

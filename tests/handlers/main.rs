//! What may stand under `#[underscore_route]`, proved with real requests: every shape of handler that
//! axum takes, in a crate that forbids unsafe code and denies every warning there is.
//!
//! What the compiler says where a function may not stand there is in `diagnostics.rs`.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs)]
#![deny(clippy::all, clippy::pedantic)]

mod attributes;
mod awaits;
mod called;
mod compatibility;
mod declared;
mod editions;
mod generic;
mod hygiene;
mod mounts;
pub mod names;
mod places;
mod shapes;
#[path = "../support/mod.rs"]
mod support;

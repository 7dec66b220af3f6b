//! See and steer a live axum service with `curl`.
#![forbid(unsafe_code)]

mod clock;
mod instrument;
#[doc(hidden)]
pub mod private;
mod route;
mod settings;
mod stack;
mod stats;
mod sync;
mod table;
mod task;

pub use underscore_macros::underscore_route;

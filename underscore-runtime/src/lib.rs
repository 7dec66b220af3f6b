//! See and steer a live axum service with `curl`.
#![forbid(unsafe_code)]

mod admin;
mod clock;
mod instrument;
#[doc(hidden)]
pub mod private;
mod route;
mod serve;
mod settings;
mod stack;
mod stats;
mod sync;
mod table;
mod task;

pub use admin::admin_router;
pub use serve::{AdminBuilder, AdminServer, serve_admin};
pub use underscore_macros::underscore_route;

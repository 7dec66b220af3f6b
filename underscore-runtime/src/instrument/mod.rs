//! What runs inside the host's workers: the call that axum makes of a handler, the future that tracks
//! it, and the await points within. The hot path of a request is `handler/call` and `poll/tracked`,
//! top to bottom.

mod blocking;
mod body;
mod handler;
mod mount;
mod poll;
mod track;
#[cfg(feature = "axum-extra")]
mod typed_path;
mod upgrade;

pub use blocking::spawn_blocking;
pub use handler::{Annotated, AnyArgument, Argument, Call, Extract, TakesBody, Via};
pub use mount::{Declared, Mount};
pub use poll::{At, at, within};
pub use track::{Interrupted, spawn, track};
#[cfg(feature = "axum-extra")]
pub use typed_path::BeginsWithPath;
pub use upgrade::{RequestContext, WithContext, request_context};

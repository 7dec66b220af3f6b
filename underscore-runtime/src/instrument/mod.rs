//! The code that runs in the host's workers: the call of a handler by axum, the future that tracks
//! it, and the await points within. The hot path of a request is `handler/call` and `poll/tracked`,
//! top to bottom.

mod handler;
mod interrupted;
mod layer;
mod mount;
mod track;
#[cfg(feature = "axum-extra")]
mod typed_path;

#[cfg(feature = "admin")]
mod background;
#[cfg(feature = "admin")]
mod blocking;
#[cfg(feature = "admin")]
mod body;
#[cfg(feature = "admin")]
mod poll;
#[cfg(feature = "admin")]
mod record;
#[cfg(feature = "admin")]
mod request;
#[cfg(feature = "admin")]
mod upgrade;

// Without `admin`, the same names are those of the module that passes the call through.
#[cfg(not(feature = "admin"))]
use crate::passthrough::{
    self as background, self as blocking, self as body, self as poll, self as upgrade,
};

pub use handler::{
    Annotated, AnyArgument, Argument, Call, Extract, KeptHandler, TakesBody, Via, handler,
};
pub use interrupted::Interrupted;
pub use layer::{RequestFuture, RequestLayer, RequestService};
pub use mount::{Declared, RouterExt};
pub use poll::{
    At, Hold, KnownLock, Place, UnknownLock, acquired, at, at_guard, at_lock, hold, within,
};
#[cfg(feature = "admin")]
pub(crate) use record::task_of;
pub use track::{spawn, spawn_blocking, track};
#[cfg(feature = "axum-extra")]
pub use typed_path::BeginsWithPath;
pub use upgrade::{RequestContext, WithContext, request_context};

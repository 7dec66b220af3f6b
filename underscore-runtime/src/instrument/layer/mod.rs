//! A layer around a router: each request is a task from the moment it arrives, whatever answers it.
//! `endpoint` finds the route of a request, `future` drives it. Without the feature `admin`,
//! `plain` takes the place of `future`.

#[cfg(feature = "admin")]
mod endpoint;
#[cfg(feature = "admin")]
mod future;
#[cfg(not(feature = "admin"))]
mod plain;
#[cfg(feature = "admin")]
mod prefix;
mod service;
mod service_call;

#[cfg(not(feature = "admin"))]
use plain as future;

pub use future::RequestFuture;
pub use service::{RequestLayer, RequestService};

//! The identity of a route: its id, the handler's declaration, and the method and path that a
//! router matched. Its counters and settings are in `routes`.

mod id;
mod identity;
mod stable_hash;

pub(crate) use id::RouteId;
pub(crate) use identity::{Declaration, RouteIdentity, listed_method};
pub(crate) use stable_hash::stable_hash;

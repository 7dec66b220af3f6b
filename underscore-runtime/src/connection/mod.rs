//! The service's own connections: those accepted by a listener from [`listen`], and those passed to
//! [`track_connection`]. The connections of the admin API are in `serve`.

mod current;
pub(crate) mod drain;
mod http2;
mod info;
mod listener;
mod registry;
mod shared;
mod stream;
#[cfg(test)]
mod tests;

pub use drain::drained;
pub use listener::{Listening, TrackedListener, listen};
pub use stream::{TrackedStream, track_connection};

pub(crate) use current::{begin_task, end_task};
pub(crate) use info::{ConnectionInfo, ConnectionState};
pub(crate) use registry::{OpenConnection, all, count, find, first, http2_by_remote, removed};

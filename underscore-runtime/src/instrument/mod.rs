//! What runs inside the host's workers: the call that axum makes of a handler, the future that tracks
//! it, and the await points within. The hot path of a request is `call` and `tracked`, top to bottom.

mod admission;
mod answer;
mod argument;
mod at;
mod blocking;
#[cfg(feature = "admin")]
mod body_failure;
mod call;
mod delay;
mod erased;
mod extract;
mod frame_slot;
mod guard;
mod mount;
mod poll_scope;
mod request_body;
mod request_info;
mod response_body;
mod track;
mod tracked;
#[cfg(feature = "axum-extra")]
mod typed_path;
mod upgrade;
mod within;

pub use argument::{AnyArgument, Argument, TakesBody};
pub use at::{At, at};
pub use blocking::spawn_blocking;
pub use call::{Call, Endpoint, Via};
pub use extract::Extract;
pub use mount::{Declared, Mount};
pub use track::{Interrupted, spawn, track};
#[cfg(feature = "axum-extra")]
pub use typed_path::BeginsWithPath;
pub use upgrade::{GoesOn, HandedOn, handed_on};
pub use within::within;

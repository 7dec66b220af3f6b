//! The routes of this binary: the handlers that the linker gathered, the mounts at which requests
//! arrived, and the counters and settings of each.

mod entry;
#[cfg(feature = "admin")]
mod expiry;
#[cfg(feature = "admin")]
pub(crate) mod link;
#[cfg(feature = "admin")]
mod lookup;
mod mounts;
mod route;
mod settings_cell;

pub(crate) use entry::SETTINGS_LOCK;
#[doc(hidden)]
pub use entry::{HandlerEntry, ROUTES};
#[cfg(feature = "admin")]
pub(crate) use expiry::{expire_settings, note_expiry, on_expiry};
#[cfg(feature = "admin")]
pub(crate) use lookup::{Handler, RouteEntry, entries, entry_count, handlers, ids};
pub(crate) use route::Route;

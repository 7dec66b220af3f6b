//! The routes of this binary: the handlers that the linker gathered, the mounts at which requests
//! arrived, and the counters and settings of each.

mod entry;
mod expiry;
mod layer_routes;
pub(crate) mod link;
mod log_levels;
mod lookup;
mod mounts;
mod route;
mod route_of;
mod settings_cell;
mod slow_after;

pub(crate) use entry::SETTINGS_LOCK;
#[doc(hidden)]
pub use entry::{HandlerEntry, ROUTES};
pub(crate) use expiry::{expire_settings, on_expiry, schedule_expiry};
pub(crate) use layer_routes::{LayerRouteUse, all_handlers, set_persistent_of_unknown};
pub(crate) use link::declared_at;
pub(crate) use log_levels::take_changed as take_log_levels_changed;
pub(crate) use lookup::{ListedHandler, RouteEntry, entries, entry_count, handlers, ids};
pub(crate) use route::Route;
pub(crate) use slow_after::SlowAfter;

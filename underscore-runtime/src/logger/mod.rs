//! Log levels at run time: of targets, as directives of an `EnvFilter` are, and of the requests of
//! routes. The filters that [`log_filter`] makes apply them to the host's log.

mod directives;
#[cfg(feature = "tracing-subscriber")]
mod filter;
mod installed;
mod overrides;
mod rebuild;
mod state;
mod update;

pub(crate) use directives::ALL;
#[cfg(feature = "tracing-subscriber")]
pub use filter::{LogFilter, log_filter};
pub(crate) use installed::installed;
pub(crate) use overrides::{LevelChange, Overrides};
pub(crate) use update::{
    RouteLevel, current, max_level, on_expiry, route_levels, tick, update, update_routes,
};

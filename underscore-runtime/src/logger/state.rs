//! What the filters read, without a lock: the levels in force.

use std::sync::atomic::{AtomicBool, Ordering};

use super::directives::Directives;
use crate::log_level::LogLevel;
use crate::sync::{Arc, ArcSwapOption};

/// The levels in force. Replaced as a whole.
#[derive(Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) overrides: Directives,
    pub(super) routes: RouteLevels,
}

/// The levels of the requests of routes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct RouteLevels {
    /// By the address of the route, sorted.
    pub(super) by_address: Vec<(usize, LogLevel)>,
    /// The most detailed level, also of handlers without a route so far. `None` if there is none.
    pub(super) max: Option<LogLevel>,
}

/// `None` if no level is set.
static STATE: ArcSwapOption<State> = ArcSwapOption::const_empty();

/// True if `STATE` is `Some`: without levels, a filter reads one byte.
static IS_SET: AtomicBool = AtomicBool::new(false);

/// Replaces the state. False if it is the same. Called by one thread at a time.
pub(super) fn replace(state: State) -> bool {
    let is_set = !state.overrides.is_empty() || state.routes.max.is_some();
    let state = is_set.then_some(state);
    if STATE.load().as_deref() == state.as_ref() {
        return false;
    }
    STATE.store(state.map(Arc::new));
    // Release: pairs with `with`.
    IS_SET.store(is_set, Ordering::Release);
    true
}

#[cfg(feature = "tracing-subscriber")]
mod read {
    use super::{IS_SET, LogLevel, Ordering, RouteLevels, STATE, State};
    use crate::task::with_thread;

    /// Calls `with` with the state, `None` if no level is set.
    pub(in crate::logger) fn with<T>(with: impl FnOnce(Option<&State>) -> T) -> T {
        // Acquire: pairs with `replace`.
        if IS_SET.load(Ordering::Acquire) {
            with(STATE.load().as_deref())
        } else {
            with(None)
        }
    }

    impl RouteLevels {
        /// The level of the request whose task, or that of its work, the calling thread polls.
        pub(in crate::logger) fn of_current_task(&self) -> LogLevel {
            let task = with_thread(|thread| match thread.id.get() {
                0 => None,
                _ => thread.slot.get(),
            });
            let Some(task) = task else {
                return LogLevel::Off;
            };
            match task.route() {
                Some(route) => route.log_level(),
                None => self.at(task.request_route_address()),
            }
        }

        fn at(&self, address: usize) -> LogLevel {
            let found = self
                .by_address
                .binary_search_by_key(&address, |(at, _)| *at);
            let found = found.ok().and_then(|index| self.by_address.get(index));
            found.map_or(LogLevel::Off, |(_, level)| *level)
        }
    }
}
#[cfg(feature = "tracing-subscriber")]
pub(super) use read::with;

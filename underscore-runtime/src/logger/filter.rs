//! The filter in the host's subscriber.

use std::fmt;
use std::panic::Location;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Filter};

use super::directives::Directives;
use super::installed::Installed;
use super::state::{self, State};
use crate::log_level::LogLevel;
use crate::sync::Arc;

/// A filter for a layer of the service's subscriber, whose levels `PUT /_logger` and the setting
/// `log` of a route change. Made by [`log_filter`].
///
/// It combines with other filters, of which each must enable an event:
///
/// ```
/// use tracing_subscriber::filter::{FilterExt, filter_fn};
/// use tracing_subscriber::{EnvFilter, fmt, prelude::*};
///
/// let filter = underscore_runtime::log_filter(EnvFilter::new("debug"));
/// let no_audit = filter_fn(|meta| meta.target() != "underscore::audit");
/// let layer = fmt::layer().with_filter(filter.and(no_audit));
/// # let _guard = tracing_subscriber::registry().with(layer).set_default();
/// assert!(tracing::enabled!(target: "sqlx", tracing::Level::DEBUG));
/// assert!(!tracing::enabled!(target: "underscore::audit", tracing::Level::INFO));
/// ```
#[must_use = "a filter acts in a layer: `layer.with_filter(filter)`"]
pub struct LogFilter {
    base: EnvFilter,
    /// The directives of `base`, to compare with the targets of overrides.
    directives: Directives,
    installed: Arc<Installed>,
}

/// Makes the levels of a layer's events changeable at run time.
///
/// `base` applies as without this function until an operator sets a level. One that is set for a
/// target by `PUT /_logger` acts like a directive added to `base`: it applies to the targets that
/// begin with it, except where `base` or the operator has a longer one, and it can show more and
/// less. The setting `log` of a route shows more: events and spans of its requests, and of work
/// begun in them by [`spawn`](crate::spawn) and the like, whatever their targets.
///
/// ```
/// use tracing_subscriber::{EnvFilter, fmt, prelude::*};
///
/// let filter = underscore_runtime::log_filter(EnvFilter::new("info,hyper=warn"));
/// let subscriber = tracing_subscriber::registry().with(fmt::layer().with_filter(filter));
/// # let _guard = subscriber.set_default();
/// assert!(tracing::enabled!(tracing::Level::INFO));
/// assert!(!tracing::enabled!(tracing::Level::DEBUG));
/// ```
///
/// Each layer has its own filter, made by a call of its own. A filter above them, for the whole
/// subscriber, still hides what it hides.
///
/// Without a level that is set, the filter costs what `base` costs: `tracing` asks it once for each
/// place in the source. While a route has the setting `log`, each event that `base` would hide
/// costs a look at the task that the thread polls; the filter takes no lock for it.
#[track_caller]
pub fn log_filter(base: EnvFilter) -> LogFilter {
    let text = base.to_string();
    LogFilter {
        directives: Directives::of_filter(&text),
        base,
        installed: Installed::add(text, Location::caller()),
    }
}

impl LogFilter {
    /// The level that an operator has set for a target, `None` if `base` decides.
    fn level(&self, state: &State, target: &str) -> Option<LogLevel> {
        let (length, level) = state.overrides.find(target)?;
        let base = self.directives.find(target);
        base.is_none_or(|(base, _)| base <= length).then_some(level)
    }

    fn is_enabled(&self, meta: &Metadata<'_>, base: impl FnOnce() -> bool) -> bool {
        let level = *meta.level();
        state::with(|state| {
            let Some(state) = state else { return base() };
            let by_target = match self.level(state, meta.target()) {
                Some(set) => set.shows(level),
                None => base(),
            };
            by_target || may_show(state, level) && state.routes.of_current_task().shows(level)
        })
    }
}

/// True if the requests of a route show events and spans of this level.
fn may_show(state: &State, level: Level) -> bool {
    state.routes.max.is_some_and(|max| max.shows(level))
}

impl<S: Subscriber> Filter<S> for LogFilter {
    fn enabled(&self, meta: &Metadata<'_>, cx: &Context<'_, S>) -> bool {
        self.is_enabled(meta, || Filter::<S>::enabled(&self.base, meta, cx))
    }

    fn callsite_enabled(&self, meta: &'static Metadata<'static>) -> Interest {
        // Asked in any case, because it prepares for spans that its directives name.
        let base = Filter::<S>::callsite_enabled(&self.base, meta);
        state::with(|state| {
            let Some(state) = state else { return base };
            let by_target = match self.level(state, meta.target()) {
                Some(set) if set.shows(*meta.level()) => Interest::always(),
                Some(_) => Interest::never(),
                None => base,
            };
            if by_target.is_never() && may_show(state, *meta.level()) {
                Interest::sometimes()
            } else {
                by_target
            }
        })
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.installed.set_in_subscriber();
        let base = Filter::<S>::max_level_hint(&self.base)?;
        Some(state::with(|state| {
            let Some(state) = state else { return base };
            let routes = state.routes.max.unwrap_or(LogLevel::Off);
            base.max(state.overrides.max().max(routes).filter())
        }))
    }

    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        Filter::on_new_span(&self.base, attrs, id, cx);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        Filter::on_record(&self.base, id, values, cx);
    }

    fn on_enter(&self, id: &Id, cx: Context<'_, S>) {
        Filter::on_enter(&self.base, id, cx);
    }

    fn on_exit(&self, id: &Id, cx: Context<'_, S>) {
        Filter::on_exit(&self.base, id, cx);
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        Filter::on_close(&self.base, id, cx);
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogFilter")
            .field(&self.installed.base)
            .finish()
    }
}

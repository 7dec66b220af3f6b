//! The effective settings of a route, in the form in which a request uses them.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use hyper::ext::ReasonPhrase;
use serde_json::Value;

use super::Stored;
use super::catalogue::duration;
use super::headers::headers;
use crate::log_level::LogLevel;

/// The default of `slow_after`, as in the catalogue.
const DEFAULT_SLOW_AFTER: Duration = Duration::from_secs(1);

/// The effective settings. A route with all settings at their defaults has none, so that a request
/// checks one pointer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EffectiveSettings {
    pub(crate) preempt: Option<Preempt>,
    /// Maximum number of requests in flight.
    pub(crate) max_active: Option<u64>,
    /// Maximum number of requests per second.
    pub(crate) max_rate: Option<f64>,
    /// Maximum duration of a request, including its response body.
    pub(crate) timeout: Option<Duration>,
    /// Delay of a request before its handler runs.
    pub(crate) delay: Option<Duration>,
    /// Status of the response to the client of an interrupted request.
    pub(crate) interrupt_status: Option<StatusCode>,
}

/// The response in place of the handler's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Preempt {
    pub(crate) status: StatusCode,
    pub(crate) reason: Option<ReasonPhrase>,
    pub(crate) text: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Share of requests that get it, from 0 to 1.
    pub(crate) ratio: f64,
}

impl EffectiveSettings {
    /// Merges key by key: transient settings take precedence over persistent ones, and within each
    /// section those of the mount over those of its handler. `None` if no setting has an effect.
    pub(crate) fn new(mount: &Stored, handler: &Stored) -> Option<EffectiveSettings> {
        let get = |key: &str| get(mount, handler, key);
        let time = |key| get(key).and_then(Value::as_str).and_then(duration);
        let effective = EffectiveSettings {
            preempt: Preempt::from_values(get),
            max_active: get("limit.active").and_then(Value::as_u64),
            max_rate: get("limit.rate").and_then(Value::as_f64),
            timeout: time("timeout"),
            delay: time("delay"),
            interrupt_status: get("interrupt.status").and_then(status),
        };
        effective.has_effect().then_some(effective)
    }

    /// Those that differ from the `applied` ones, which have acted on a request already. `None` if
    /// none has an effect.
    pub(crate) fn beyond(&self, applied: &EffectiveSettings) -> Option<EffectiveSettings> {
        fn keep_new<T: PartialEq>(value: &mut Option<T>, applied: Option<&T>) {
            if value.as_ref() == applied {
                *value = None;
            }
        }
        let mut beyond = self.clone();
        keep_new(&mut beyond.preempt, applied.preempt.as_ref());
        keep_new(&mut beyond.max_active, applied.max_active.as_ref());
        keep_new(&mut beyond.max_rate, applied.max_rate.as_ref());
        keep_new(&mut beyond.timeout, applied.timeout.as_ref());
        keep_new(&mut beyond.delay, applied.delay.as_ref());
        beyond.has_effect().then_some(beyond)
    }

    /// The keys of the settings that have an effect. Those of `preempt` are one, whose status the
    /// others depend on.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        let keys = [
            ("delay", self.delay.is_some()),
            ("interrupt.status", self.interrupt_status.is_some()),
            ("limit.active", self.max_active.is_some()),
            ("limit.rate", self.max_rate.is_some()),
            ("preempt.status", self.preempt.is_some()),
            ("timeout", self.timeout.is_some()),
        ];
        let in_force = keys.into_iter().filter(|(_, is_set)| *is_set);
        in_force.map(|(key, _)| key)
    }

    fn has_effect(&self) -> bool {
        self.keys().next().is_some()
    }
}

impl Preempt {
    /// `None` without a status: the other keys have no effect until it is set.
    fn from_values<'a>(get: impl Fn(&str) -> Option<&'a Value>) -> Option<Preempt> {
        let text = |key| get(key).and_then(Value::as_str);
        let object = get("preempt.headers").and_then(Value::as_object);
        Some(Preempt {
            status: status(get("preempt.status")?)?,
            reason: text("preempt.reason")
                .and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok()),
            text: text("preempt.text").unwrap_or_default().to_owned(),
            headers: object.and_then(headers).unwrap_or_default(),
            ratio: get("preempt.ratio").and_then(Value::as_f64).unwrap_or(1.0),
        })
    }
}

/// The time after which a request is slow. Not an effective setting, because it does not act on
/// requests.
pub(crate) fn slow_after(mount: &Stored, handler: &Stored) -> Duration {
    let set = get(mount, handler, "slow_after");
    let slow_after = set.and_then(Value::as_str).and_then(duration);
    slow_after.unwrap_or(DEFAULT_SLOW_AFTER)
}

/// The level at which events of its requests are logged, whatever their targets. Not an effective
/// setting either.
pub(crate) fn log_level(mount: &Stored, handler: &Stored) -> LogLevel {
    let set = get(mount, handler, "log");
    let level = set.and_then(Value::as_str).and_then(LogLevel::parse);
    level.unwrap_or(LogLevel::Off)
}

/// The value of a key: see [`EffectiveSettings::new`].
fn get<'a>(mount: &'a Stored, handler: &'a Stored, key: &str) -> Option<&'a Value> {
    let sections = [
        &mount.transient,
        &handler.transient,
        &mount.persistent,
        &handler.persistent,
    ];
    sections.into_iter().find_map(|section| section.get(key))
}

fn status(value: &Value) -> Option<StatusCode> {
    StatusCode::from_u16(u16::try_from(value.as_u64()?).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Setting;
    use serde_json::json;

    #[test]
    fn slow_after_has_the_default_of_the_catalogue_and_no_effect_on_requests() {
        let default = Setting::find("slow_after").expect("a setting").default();
        let default = default.as_str().and_then(duration);
        let (mut mount, handler) = (Stored::new(), Stored::new());
        assert_eq!(Some(slow_after(&mount, &handler)), default);
        mount.persistent.insert("slow_after", json!("20ms"));
        assert_eq!(slow_after(&mount, &handler), Duration::from_millis(20));
        assert_eq!(EffectiveSettings::new(&mount, &handler), None);
    }
}

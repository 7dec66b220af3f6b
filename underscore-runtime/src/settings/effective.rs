//! The effective settings of a route, in the form in which a request uses them.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use hyper::ext::ReasonPhrase;
use serde_json::Value;

use super::Stored;
use super::catalogue::duration;
use super::headers::headers;

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
        let sections = [
            &mount.transient,
            &handler.transient,
            &mount.persistent,
            &handler.persistent,
        ];
        let get = |key: &str| sections.into_iter().find_map(|section| section.get(key));
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

    fn has_effect(&self) -> bool {
        self.preempt.is_some()
            || self.max_active.is_some()
            || self.max_rate.is_some()
            || self.timeout.is_some()
            || self.delay.is_some()
            || self.interrupt_status.is_some()
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

fn status(value: &Value) -> Option<StatusCode> {
    StatusCode::from_u16(u16::try_from(value.as_u64()?).ok()?).ok()
}

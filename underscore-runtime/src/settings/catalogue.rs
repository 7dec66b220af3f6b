//! All settings: the key, the accepted values and the description of each. A new setting is one
//! entry here, a field of `EffectiveSettings` and its effect in `instrument`.

use std::time::Duration;

use axum::http::StatusCode;
use hyper::ext::ReasonPhrase;
use serde_json::Value;

use super::headers::headers;
use crate::log_level::{LOG_LEVELS, LogLevel};

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its dotted key.
    pub(crate) key: &'static str,
    kind: ValueKind,
    default: DefaultValue,
    /// Its effect, for docs/settings.md.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "used by the test of docs/settings.md")
    )]
    pub(crate) about: &'static str,
}

/// The value of a setting that is not set.
#[derive(Debug)]
enum DefaultValue {
    /// No effect.
    None,
    Number(u16),
    Text(&'static str),
}

/// The type of a setting's values.
#[derive(Debug)]
enum ValueKind {
    /// A final HTTP status.
    Status,
    /// The reason phrase of an HTTP/1 status line.
    Reason,
    /// Any text.
    Text,
    /// Names and values of headers.
    Headers,
    /// A share from 0 to 1.
    Ratio,
    /// A number of requests.
    Count,
    /// A number per second.
    Rate,
    /// A duration with a unit.
    Duration,
    /// A level of log events.
    LogLevel,
}

const fn setting(key: &'static str, kind: ValueKind, about: &'static str) -> Setting {
    Setting {
        key,
        kind,
        default: DefaultValue::None,
        about,
    }
}

/// All settings, by key.
pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "delay",
        ValueKind::Duration,
        "delay before the handler runs, for fault drills",
    ),
    setting(
        "interrupt.status",
        ValueKind::Status,
        "status of the response to an interrupted request",
    )
    .with_default(503),
    setting(
        "limit.active",
        ValueKind::Count,
        "maximum number of requests in flight; further ones get 503",
    ),
    setting(
        "limit.rate",
        ValueKind::Rate,
        "maximum rate; requests above it get 429, with a burst of one second's worth",
    ),
    setting(
        "log",
        ValueKind::LogLevel,
        "log events and spans of its requests at this level, whatever their targets",
    ),
    setting(
        "preempt.headers",
        ValueKind::Headers,
        "headers of the preempting response, for example `Retry-After`",
    ),
    setting(
        "preempt.ratio",
        ValueKind::Ratio,
        "share of requests to preempt, all by default",
    )
    .with_default(1),
    setting(
        "preempt.reason",
        ValueKind::Reason,
        "reason phrase of the status line (HTTP/1)",
    ),
    setting(
        "preempt.status",
        ValueKind::Status,
        "respond with this status at once, before the request is read",
    ),
    setting("preempt.text", ValueKind::Text, "response body, text/plain"),
    setting(
        "slow_after",
        ValueKind::Duration,
        "requests that take longer are slow: logged while they run, and kept in `_cat/ended`",
    )
    .with_default_text("1s"),
    setting(
        "timeout",
        ValueKind::Duration,
        "interrupt requests that take longer, including extractors and body, with 504",
    ),
];

impl Setting {
    const fn with_default(mut self, default: u16) -> Self {
        self.default = DefaultValue::Number(default);
        self
    }

    const fn with_default_text(mut self, default: &'static str) -> Self {
        self.default = DefaultValue::Text(default);
        self
    }

    /// The value if it is not set, `null` if there is no default.
    pub(crate) fn default(&self) -> Value {
        match self.default {
            DefaultValue::None => Value::Null,
            DefaultValue::Number(number) => number.into(),
            DefaultValue::Text(text) => text.into(),
        }
    }

    /// The setting with this dotted key.
    pub(crate) fn find(key: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// The description of its values, to follow "must be".
    #[cfg(test)]
    pub(crate) fn values(&self) -> &'static str {
        self.kind.must()
    }

    /// Returns a valid value unchanged.
    ///
    /// # Errors
    ///
    /// The description of valid values, to follow "must be".
    pub(crate) fn accept(&self, value: Value) -> Result<Value, &'static str> {
        let fits = match self.kind {
            ValueKind::Status => value.as_u64().is_some_and(is_final_status),
            ValueKind::Reason => value.as_str().is_some_and(|text| {
                text.len() <= MAX_REASON_LEN && ReasonPhrase::try_from(text.as_bytes()).is_ok()
            }),
            ValueKind::Text => value
                .as_str()
                .is_some_and(|text| text.len() <= MAX_TEXT_LEN),
            ValueKind::Headers => value.as_object().and_then(headers).is_some(),
            ValueKind::Ratio => value
                .as_f64()
                .is_some_and(|ratio| (0.0..=1.0).contains(&ratio)),
            ValueKind::Count => value.is_u64(),
            ValueKind::Rate => value
                .as_f64()
                .is_some_and(|rate| rate > 0.0 && rate <= MAX_RATE),
            ValueKind::Duration => value.as_str().is_some_and(|text| duration(text).is_some()),
            ValueKind::LogLevel => value
                .as_str()
                .is_some_and(|word| LogLevel::parse(word).is_some()),
        };
        if fits {
            Ok(value)
        } else {
            Err(self.kind.must())
        }
    }
}

impl ValueKind {
    /// The description of valid values, to follow "must be".
    fn must(&self) -> &'static str {
        match self {
            ValueKind::Status => "an integer between 200 and 599",
            ValueKind::Reason => {
                "a string of at most 256 bytes that is valid as an HTTP reason phrase, on one line"
            }
            ValueKind::Text => "a string of at most 64 KiB",
            ValueKind::Headers => {
                "an object of at most 64 header names, none twice and none of the connection's own, and strings that are \
                 valid as their values, 8 KiB in all"
            }
            ValueKind::Ratio => "a number between 0 and 1",
            ValueKind::Count => "an integer of 0 or more",
            ValueKind::Rate => "a number above 0, of requests per second",
            ValueKind::Duration => {
                "a string of a number and a unit (nanos, micros, ms, s, m, h, d), as in 30s"
            }
            ValueKind::LogLevel => LOG_LEVELS,
        }
    }
}

/// Maximum length of a reason phrase, in bytes.
const MAX_REASON_LEN: usize = 256;

/// Maximum length of `preempt.text`, in bytes. It is stored once per route.
const MAX_TEXT_LEN: usize = 64 << 10;

/// Maximum rate, in requests per second: the interval between requests is at least a nanosecond.
const MAX_RATE: f64 = 1e9;

/// Parses a duration with a unit.
pub(super) fn duration(text: &str) -> Option<Duration> {
    crate::units::parse_duration(text)
}

/// True for a final status: an informational one (1xx) precedes another response.
fn is_final_status(status: u64) -> bool {
    (200..=599).contains(&status)
        && u16::try_from(status).is_ok_and(|status| StatusCode::from_u16(status).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_unique() {
        assert!(SETTINGS.is_sorted_by(|a, b| a.key < b.key));
    }

    /// Holds 4.15, 4.21 of docs/admin-api.md.
    #[test]
    fn a_value_is_accepted_unchanged_or_refused() {
        let cases = [
            ("preempt.status", json!(503), true),
            ("preempt.status", json!(199), false),
            ("preempt.status", json!(600), false),
            ("preempt.status", json!("503"), false),
            ("preempt.status", json!(503.5), false),
            ("preempt.status", json!(-1), false),
            ("preempt.reason", json!("Out for lunch"), true),
            ("preempt.reason", json!("two\nlines"), false),
            ("preempt.reason", json!(1), false),
            ("preempt.text", json!("two\nlines"), true),
            ("preempt.text", json!(["no"]), false),
            ("preempt.headers", json!({"Retry-After": "5"}), true),
            ("preempt.headers", json!({"Retry-After": 5}), false),
            ("preempt.headers", json!({"two\nlines": "x"}), false),
            ("preempt.headers", json!({"content-length": "5"}), false),
            ("preempt.ratio", json!(0), true),
            ("preempt.ratio", json!(0.25), true),
            ("preempt.ratio", json!(1.5), false),
            ("limit.active", json!(0), true),
            ("limit.active", json!(-1), false),
            ("limit.active", json!(1.5), false),
            ("limit.rate", json!(0.5), true),
            ("limit.rate", json!(0), false),
            ("timeout", json!("30s"), true),
            ("timeout", json!("30"), false),
            ("timeout", json!(30), false),
            ("delay", json!("5ms"), true),
            ("interrupt.status", json!(499), true),
            ("log", json!("debug"), true),
            ("log", json!("off"), true),
            ("log", json!("DEBUG"), false),
            ("log", json!(4), false),
            ("slow_after", json!("250ms"), true),
            ("slow_after", json!(250), false),
        ];
        for (key, value, fits) in cases {
            let setting = Setting::find(key).expect("a setting");
            assert_eq!(
                setting.accept(value.clone()).is_ok(),
                fits,
                "{key} = {value}"
            );
        }
    }
}

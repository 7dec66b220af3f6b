//! Every setting there is, once: its key and the values it takes. A new setting is
//! one entry here and its effect where the request is decided.

use axum::http::StatusCode;
use hyper::ext::ReasonPhrase;
use serde_json::Value;

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its dotted key.
    pub(crate) key: &'static str,
    kind: Kind,
    /// What it does, for the README.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the README is compared in a test")
    )]
    pub(crate) about: &'static str,
}

/// The values a setting takes.
#[derive(Debug)]
enum Kind {
    /// A final HTTP status.
    Status,
    /// The words behind the status on an HTTP/1 status line.
    Reason,
    /// Any text.
    Text,
}

/// All settings, by key.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "preempt.reason",
        kind: Kind::Reason,
        about: "the words on the status line (HTTP/1)",
    },
    Setting {
        key: "preempt.status",
        kind: Kind::Status,
        about: "answer this at once, before anything of the request is read",
    },
    Setting {
        key: "preempt.text",
        kind: Kind::Text,
        about: "the body, text/plain",
    },
];

impl Setting {
    /// The setting with this dotted key.
    pub(crate) fn find(key: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// What its values must be, in a few words.
    #[cfg(test)]
    pub(crate) fn values(&self) -> &'static str {
        self.kind.must()
    }

    /// Takes a value as it was given, or says what it must be.
    pub(crate) fn accept(&self, value: Value) -> Result<Value, &'static str> {
        let fits = match self.kind {
            Kind::Status => value.as_u64().is_some_and(is_final_status),
            Kind::Reason => value
                .as_str()
                .is_some_and(|text| ReasonPhrase::try_from(text.as_bytes()).is_ok()),
            Kind::Text => value.is_string(),
        };
        if fits {
            Ok(value)
        } else {
            Err(self.kind.must())
        }
    }
}

impl Kind {
    /// What a value must be, to follow "must be".
    fn must(&self) -> &'static str {
        match self {
            Kind::Status => "an integer between 200 and 599",
            Kind::Reason => "a string that is valid as an HTTP reason phrase, on one line",
            Kind::Text => "a string",
        }
    }
}

/// A status that ends an exchange: a 1xx announces another one.
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

    #[test]
    fn a_value_is_taken_as_it_is_or_not_at_all() {
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

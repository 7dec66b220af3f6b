//! Parses the body of a PUT of log levels.

use serde_json::{Map, Value};

use crate::admin::error::Error;
use crate::admin::expires_in::{self, TRANSIENT};
use crate::clock::Instant;
use crate::log_level::{LOG_LEVELS, LogLevel};
use crate::logger::{ALL, LevelChange};
use crate::suggest;
use crate::visible::{echo, is_all_visible};

/// Maximum length of a target, in bytes.
const LONGEST_TARGET: usize = 256;

/// The changes in a body.
#[derive(Debug, Default)]
pub(super) struct RequestedLevels {
    /// True if all levels are removed before the changes.
    pub(super) resets_all: bool,
    pub(super) changes: Vec<LevelChange>,
    /// When the changes expire.
    pub(super) expires: Option<Instant>,
}

pub(super) fn read(mut body: Map<String, Value>) -> Result<RequestedLevels, Error> {
    let mut requested = RequestedLevels {
        expires: expires_in::take(&mut body)?,
        ..RequestedLevels::default()
    };
    for (name, section) in body {
        match (&*name, section) {
            (TRANSIENT, Value::Object(levels)) => {
                let changes = levels
                    .into_iter()
                    .map(|(target, level)| change(target, &level));
                requested.changes = changes.collect::<Result<_, _>>()?;
            }
            (TRANSIENT, Value::Null) => requested.resets_all = true,
            (TRANSIENT, _) => {
                return Err(Error::illegal_argument(
                    "section [transient] must be an object",
                ));
            }
            ("persistent", _) => {
                return Err(Error::illegal_argument(
                    "log levels have no section [persistent]; use [transient], and for levels that \
                     survive a restart start the service with them in RUST_LOG",
                ));
            }
            (name, _) => {
                let hint = suggest::hint(name, [TRANSIENT]);
                return Err(Error::illegal_argument(format!(
                    "unknown section [{}]; log levels are in [transient]{hint}",
                    echo(name)
                )));
            }
        }
    }
    Ok(requested)
}

fn change(target: String, level: &Value) -> Result<LevelChange, Error> {
    check_target(&target)?;
    if level.is_null() {
        return Ok((target, None));
    }
    if let Some(level) = level.as_str().and_then(LogLevel::parse) {
        return Ok((target, Some(level)));
    }
    let word = level.as_str().unwrap_or_default().to_ascii_lowercase();
    let hint = suggest::hint(&word, LogLevel::WORDS);
    Err(Error::illegal_argument(format!(
        "[{TRANSIENT}.{}] must be {LOG_LEVELS}, or null, not [{}]{hint}",
        echo(&target),
        echo(&level.to_string())
    )))
}

fn check_target(target: &str) -> Result<(), Error> {
    if target.len() > LONGEST_TARGET {
        return Err(Error::illegal_argument(format!(
            "[{TRANSIENT}.{}] must have at most {LONGEST_TARGET} bytes, not {}",
            echo(target),
            target.len()
        )));
    }
    if target == ALL || is_target(target) {
        return Ok(());
    }
    let shorter = target.trim_end_matches(['*', ':', '.', ' ']);
    let hint = if is_target(shorter) {
        format!(" -> did you mean [{shorter}]?")
    } else {
        String::new()
    };
    Err(Error::illegal_argument(format!(
        "[{TRANSIENT}.{}] must be the beginning of targets, as in sqlx or my_app::db, or * for all{hint}",
        echo(target)
    )))
}

/// True for what an `EnvFilter` reads as a target, too: levels can be copied to `RUST_LOG`.
fn is_target(target: &str) -> bool {
    let is_syntax = |sign: char| sign.is_whitespace() || "*=,[]{}\"/".contains(sign);
    !target.is_empty() && is_all_visible(target) && !target.contains(is_syntax)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(body: Value) -> Result<RequestedLevels, String> {
        let Value::Object(body) = body else {
            panic!("no object");
        };
        read(body).map_err(|error| format!("{error:?}"))
    }

    /// Holds 18.1, 18.2, 18.4 of docs/admin-api.md.
    #[test]
    fn levels_are_read_by_target() {
        let body = json!({"transient": {"sqlx": "debug", "my_app::db": "off", "*": null}});
        let read = parse(body).expect("is well formed");
        let expected = [
            ("*", None),
            ("my_app::db", Some(LogLevel::Off)),
            ("sqlx", Some(LogLevel::Debug)),
        ];
        let expected = expected.map(|(target, level)| (target.to_owned(), level));
        assert_eq!(read.changes, expected);
        assert!(!read.resets_all && read.expires.is_none());
        assert!(
            parse(json!({"transient": null}))
                .expect("a reset")
                .resets_all
        );
        let body = json!({"transient": {"sqlx": "debug"}, "expires_in": "10m"});
        assert!(parse(body).expect("is well formed").expires.is_some());
    }

    /// Holds 18.6, 18.7, 18.21 of docs/admin-api.md.
    #[test]
    fn a_mistake_is_named_with_its_cure() {
        for (body, named) in [
            (
                json!({"transient": {"sqlx": "debgu"}}),
                "[transient.sqlx] must be one of off, error",
            ),
            (
                json!({"transient": {"sqlx": "debgu"}}),
                "did you mean [debug]?",
            ),
            (
                json!({"transient": {"sqlx": "DEBUG"}}),
                "did you mean [debug]?",
            ),
            (json!({"transient": {"sqlx": 4}}), "not [4]"),
            (
                json!({"transient": {"sqlx": {"db": "info"}}}),
                "[transient.sqlx] must be one of",
            ),
            (
                json!({"transient": {"sqlx::*": "info"}}),
                "did you mean [sqlx]?",
            ),
            (
                json!({"transient": {"": "info"}}),
                "[transient.] must be the beginning",
            ),
            (
                json!({"transient": {"sqlx=debug": "info"}}),
                "must be the beginning of targets",
            ),
            (
                json!({"transient": {"a\nb": "info"}}),
                "must be the beginning of targets",
            ),
            (
                json!({"transient": {"\u{202e}": "info"}}),
                "must be the beginning of targets",
            ),
            (
                json!({"transient": {"a".repeat(257): "info"}}),
                "must have at most 256 bytes, not 257",
            ),
            (
                json!({"transient": "debug"}),
                "section [transient] must be an object",
            ),
            (json!({"persistent": {"sqlx": "debug"}}), "RUST_LOG"),
            (json!({"transiet": {}}), "did you mean [transient]?"),
            (json!({"expires_in": "5m"}), "no such section"),
            (
                json!({"transient": {}, "expires_in": 5}),
                "[expires_in] must be a string",
            ),
        ] {
            let error = parse(body.clone()).expect_err("is wrong");
            assert!(error.contains(named), "{body}: {error}");
        }
        assert!(parse(json!({"transient": {"a".repeat(256): "info"}})).is_ok());
    }
}

//! Parses the body of a PUT of settings into lists of changes.

use serde_json::{Map, Value};

use crate::admin::error::Error;
use crate::admin::expires_in::{self, TRANSIENT};
use crate::admin::logger;
use crate::clock::Instant;
use crate::log_level::LogLevel;
use crate::settings::{SettingChange, privileged_header, section};
use crate::suggest;
use crate::visible::echo;

const PERSISTENT: &str = "persistent";

/// The changes in a body.
#[derive(Debug, Default)]
pub(super) struct RequestedChanges {
    pub(super) transient: Vec<SettingChange>,
    /// When the transient changes expire.
    pub(super) expires: Option<Instant>,
    pub(super) persistent: Option<Vec<SettingChange>>,
}

impl RequestedChanges {
    /// True if the setting with this key is set or reset.
    pub(super) fn changes(&self, key: &str) -> bool {
        let persistent = self.persistent.iter().flatten();
        let mut changes = self.transient.iter().chain(persistent);
        changes.any(|(setting, _)| setting.key == key)
    }

    /// Refuses a level of `log` that has no effect in this process.
    pub(super) fn check_log(&self) -> Result<(), Error> {
        let transient = self.transient.iter().map(|change| (TRANSIENT, change));
        let persistent = self.persistent.iter().flatten();
        let persistent = persistent.map(|change| (PERSISTENT, change));
        for (section, (setting, value)) in transient.chain(persistent) {
            let word = value.as_ref().and_then(Value::as_str);
            if let ("log", Some(level)) = (setting.key, word.and_then(LogLevel::parse)) {
                logger::check_level(&format!("setting [{section}.log]"), level)?;
            }
        }
        Ok(())
    }

    /// Refuses privileged headers of preempting answers, except for those that the host allows.
    pub(super) fn check_headers(&self, allowed: &[String]) -> Result<(), Error> {
        let persistent = self.persistent.iter().flatten();
        let values = self.transient.iter().chain(persistent);
        let mut headers = values.filter_map(|(setting, value)| match setting.key {
            "preempt.headers" => value.as_ref()?.as_object(),
            _ => None,
        });
        let beyond = headers.find_map(|headers| privileged_header(headers, allowed));
        beyond.map_or(Ok(()), |name| Err(Error::privileged_header(name)))
    }
}

/// Parses the body of a PUT.
pub(super) fn read(mut body: Map<String, Value>) -> Result<RequestedChanges, Error> {
    let mut changes = RequestedChanges {
        expires: expires_in::take(&mut body)?,
        ..RequestedChanges::default()
    };
    for (name, value) in body {
        let read = || {
            let read = section::read(&name, value);
            read.map_err(|error| Error::illegal_argument(error.to_string()))
        };
        match &*name {
            TRANSIENT => changes.transient = read()?,
            PERSISTENT => changes.persistent = Some(read()?),
            _ => {
                let hint = suggest::hint(&name, [TRANSIENT, PERSISTENT]);
                return Err(Error::illegal_argument(format!(
                    "unknown section [{}]; settings are in [transient] or [persistent]{hint}",
                    echo(&name)
                )));
            }
        }
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SETTINGS;
    use serde_json::json;
    use std::fmt::Write;

    fn refused(body: Value) -> String {
        let Value::Object(body) = body else {
            panic!("no object");
        };
        format!("{:?}", read(body).expect_err("is wrong"))
    }

    #[test]
    fn a_section_that_does_not_exist_is_named() {
        let error = refused(json!({"transiet": {}}));
        assert!(error.contains("did you mean [transient]"), "{error}");
    }

    #[test]
    fn an_expiry_of_nothing_is_refused() {
        let error = refused(json!({"persistent": {}, "expires_in": "5m"}));
        assert!(error.contains("no such section"), "{error}");
        let error = refused(json!({"transient": {}, "expires_in": 5}));
        assert!(error.contains("[expires_in] must be a string"), "{error}");
    }

    /// With `README=overwrite` in the environment, the table is written.
    #[test]
    fn the_docs_show_every_setting() {
        let mut table = String::from("| setting | value | effect |\n|---|---|---|\n");
        for setting in SETTINGS {
            let (key, values, about) = (setting.key, setting.values(), setting.about);
            writeln!(table, "| `{key}` | {values} | {about} |").expect("a string");
        }
        crate::admin::readme::assert_block("docs/settings.md", "settings", &table);
    }

    /// Each setting has a section in `docs/settings.md` with its use and a line of `curl`.
    #[test]
    fn the_page_of_settings_has_each_of_them_and_only_lines_that_work() {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md"));
        let mut sections = page.split("\n## `");
        let before = sections.next().expect("a beginning");
        let mut keys = Vec::new();
        for section in sections {
            let (key, text) = section.split_once('`').expect("a key");
            assert!(text.contains("**When to use it:**"), "{key}");
            let changes = typed(text);
            let sets = |changes: &RequestedChanges| {
                let mut set = changes.transient.iter();
                set.any(|(setting, value)| setting.key == key && value.is_some())
            };
            assert!(changes.iter().any(sets), "{key}: {changes:?}");
            keys.push(key);
        }
        let all: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
        assert_eq!(keys, all);
        assert_eq!(typed(before).len(), 3);
    }

    /// The changes in the bodies of lines of `curl`.
    fn typed(text: &str) -> Vec<RequestedChanges> {
        let bodies = text.lines().filter_map(|line| {
            let (_, body) = line.split_once(" -d '")?;
            body.strip_suffix('\'')
        });
        let changes = bodies.map(|body| match serde_json::from_str(body) {
            Ok(Value::Object(body)) => read(body).expect(text),
            other => panic!("{body}: {other:?}"),
        });
        changes.collect()
    }
}

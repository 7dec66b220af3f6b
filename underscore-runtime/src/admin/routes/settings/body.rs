//! The body of a PUT of settings: what of it can be meant, as a list of changes.

use serde_json::{Map, Value};

use super::Change;
use crate::admin::error::Error;
use crate::admin::suggest;
use crate::clock::Instant;
use crate::settings::{SETTINGS, Setting};
use crate::units;

const SECTIONS: [&str; 2] = ["transient", "persistent"];

/// Takes out of the body when the change is to undo itself.
pub(super) fn expires(body: &mut Map<String, Value>) -> Result<Option<Instant>, Error> {
    let after = match body.remove("expires_in") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => units::parse_duration(&text).ok_or(Value::String(text)),
        Some(other) => Err(other),
    };
    let after = after.map_err(|value| {
        Error::illegal_argument(format!(
            "[expires_in] must be a string of an integer and a unit, as in 10m, not [{value}]"
        ))
    })?;
    Ok(Some(Instant::now().after(after)))
}

/// Reads the body of a PUT.
pub(super) fn read(body: Map<String, Value>) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for (section, value) in body {
        if !SECTIONS.contains(&section.as_str()) {
            let hint = suggest::hint(&section, SECTIONS);
            return Err(Error::illegal_argument(format!(
                "unknown section [{section}]; settings are in [transient]{hint}"
            )));
        }
        if section == "persistent" {
            return Err(Error::illegal_argument(
                "section [persistent] needs a settings file, and this service has none; use [transient]",
            ));
        }
        match value {
            Value::Object(settings) => flatten(&section, "", settings, &mut changes)?,
            Value::Null => reset(&section, "*", &mut changes)?,
            _ => {
                return Err(Error::illegal_argument(format!(
                    "section [{section}] must be an object"
                )));
            }
        }
    }
    Ok(changes)
}

/// Nested, dotted and mixed keys are the same: they are all read as dotted ones.
fn flatten(
    section: &str,
    prefix: &str,
    object: Map<String, Value>,
    changes: &mut Vec<Change>,
) -> Result<(), Error> {
    for (key, value) in object {
        let key = match prefix {
            "" => key,
            _ => format!("{prefix}.{key}"),
        };
        let setting = Setting::find(&key);
        match (setting, value) {
            (Some(setting), Value::Null) => note(section, setting, None, changes)?,
            (Some(setting), value) => {
                let value = setting.accept(value.clone()).map_err(|must| {
                    Error::illegal_argument(format!(
                        "setting [{section}.{key}] must be {must}, not [{value}]"
                    ))
                })?;
                note(section, setting, Some(value), changes)?;
            }
            (None, Value::Null) => reset(section, &key, changes)?,
            (None, Value::Object(inner)) if has_settings(&key) => {
                flatten(section, &key, inner, changes)?;
            }
            (None, value) if has_settings(key.trim_end_matches(".*")) => {
                let must = if key.ends_with('*') {
                    "null"
                } else {
                    "an object or null"
                };
                return Err(Error::illegal_argument(format!(
                    "[{section}.{key}] must be {must}, not [{value}]"
                )));
            }
            (None, _) => return Err(unknown_setting(section, &key)),
        }
    }
    Ok(())
}

/// Notes a change. The same setting twice in one body, in two ways of writing it, is no clear wish.
fn note(
    section: &str,
    setting: &'static Setting,
    value: Option<Value>,
    changes: &mut Vec<Change>,
) -> Result<(), Error> {
    let before = changes
        .iter()
        .position(|(known, _)| known.key == setting.key);
    match before.and_then(|place| changes.get_mut(place)) {
        None => changes.push((setting, value)),
        // A reset of all below a key stands before what is set anew there.
        Some((_, old)) if old.is_none() => *old = value,
        Some((_, old)) if *old == value => {}
        Some(_) => {
            return Err(Error::illegal_argument(format!(
                "setting [{section}.{}] is given twice with different values",
                setting.key
            )));
        }
    }
    Ok(())
}

/// Resets all settings at or below `key`, which may end with `*`.
fn reset(section: &str, key: &str, changes: &mut Vec<Change>) -> Result<(), Error> {
    let prefix = key.strip_suffix('*').map(str::to_owned);
    let prefix = prefix.unwrap_or_else(|| format!("{key}."));
    let mut below = SETTINGS
        .iter()
        .filter(|setting| setting.key.starts_with(&prefix))
        .peekable();
    if below.peek().is_none() || prefix.contains('*') {
        return Err(unknown_setting(section, key));
    }
    below.try_for_each(|setting| {
        let known = changes.iter().any(|(known, _)| known.key == setting.key);
        if known {
            Ok(())
        } else {
            note(section, setting, None, changes)
        }
    })
}

fn has_settings(key: &str) -> bool {
    let below = format!("{key}.");
    SETTINGS
        .iter()
        .any(|setting| setting.key.starts_with(&below))
}

fn unknown_setting(section: &str, key: &str) -> Error {
    let hint = suggest::hint(key, SETTINGS.iter().map(|setting| setting.key));
    Error::illegal_argument(format!("unknown setting [{section}.{key}]{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fmt::Write;

    fn changes(body: Value) -> Result<Vec<(&'static str, Option<Value>)>, String> {
        let Value::Object(body) = body else {
            return Err("no object".to_owned());
        };
        let changes = read(body).map_err(|error| format!("{error:?}"))?;
        let mut changes: Vec<_> = changes
            .into_iter()
            .map(|(setting, value)| (setting.key, value))
            .collect();
        changes.sort_by_key(|(key, _)| *key);
        Ok(changes)
    }

    /// With `README=overwrite` in the environment the table is written anew.
    #[test]
    fn the_readme_shows_every_setting() {
        let mut table = String::from("| setting | value | effect |\n|---|---|---|\n");
        for setting in SETTINGS {
            let (key, values, about) = (setting.key, setting.values(), setting.about);
            writeln!(table, "| `{key}` | {values} | {about} |").expect("a string");
        }
        crate::admin::readme::assert_block("settings", &table);
    }

    #[test]
    fn nested_dotted_and_mixed_keys_are_the_same() {
        let expected = Ok(vec![("preempt.status", Some(json!(503)))]);
        for body in [
            json!({"transient": {"preempt": {"status": 503}}}),
            json!({"transient": {"preempt.status": 503}}),
            json!({"transient": {"preempt": {}, "preempt.status": 503}}),
        ] {
            assert_eq!(changes(body), expected);
        }
    }

    #[test]
    fn null_resets_one_setting_or_all_below() {
        let below = |prefix: &str| {
            let all = SETTINGS
                .iter()
                .filter(|setting| setting.key.starts_with(prefix));
            all.map(|setting| (setting.key, None)).collect::<Vec<_>>()
        };
        for (body, prefix) in [
            (json!({"transient": {"preempt": null}}), "preempt."),
            (json!({"transient": {"preempt.*": null}}), "preempt."),
            (json!({"transient": {"limit": null}}), "limit."),
            (json!({"transient": {"*": null}}), ""),
            (json!({"transient": null}), ""),
        ] {
            assert_eq!(changes(body), Ok(below(prefix)));
        }
        assert_eq!(
            changes(json!({"transient": {"preempt.text": null}})),
            Ok(vec![("preempt.text", None)])
        );
    }

    #[test]
    fn a_reset_and_a_value_in_one_body_set_only_the_value() {
        let body = json!({"transient": {"preempt": null, "preempt.status": 503}});
        let set: Vec<_> = changes(body)
            .expect("is well formed")
            .into_iter()
            .filter(|(_, value)| value.is_some())
            .collect();
        assert_eq!(set, [("preempt.status", Some(json!(503)))]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_section_and_key() {
        for (body, named) in [
            (
                json!({"transient": {"preempt": {"statuss": 1}}}),
                "did you mean any of [preempt.status, ",
            ),
            (
                json!({"transient": {"preempt": 503}}),
                "[transient.preempt] must be an object or null",
            ),
            (
                json!({"transient": {"preempt.*": 503}}),
                "[transient.preempt.*] must be null",
            ),
            (
                json!({"transient": {"preempt.status": 700}}),
                "[transient.preempt.status] must be",
            ),
            (json!({"transient": {"prempt": null}}), "[transient.prempt]"),
            (json!({"transient": 5}), "[transient] must be an object"),
            (json!({"transiet": {}}), "did you mean [transient]"),
            (
                json!({"persistent": {}}),
                "[persistent] needs a settings file",
            ),
            (
                json!({"transient": {"preempt": {"status": 500}, "preempt.status": 503}}),
                "given twice",
            ),
            (
                json!({"transient": {"preempt.status.*": null}}),
                "unknown setting",
            ),
        ] {
            let error = changes(body.clone()).expect_err("is wrong");
            assert!(error.contains(named), "{body}: {error}");
        }
    }
}

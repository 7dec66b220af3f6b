//! A section of settings as people write it, in JSON: which settings it changes, whether keys are nested,
//! dotted or mixed. The body of a PUT and the settings file are made of such sections.

use serde_json::{Map, Value};

use super::{SETTINGS, Setting, SettingChange, Values};
use crate::suggest;
use crate::visible::echo;

/// Reads the section `name`, or says what is wrong with it.
pub(crate) fn read(name: &str, section: Value) -> Result<Vec<SettingChange>, String> {
    let mut changes = Vec::new();
    match section {
        Value::Object(settings) => flatten(name, "", settings, &mut changes)?,
        Value::Null => reset(name, "*", &mut changes)?,
        _ => return Err(format!("section [{name}] must be an object")),
    }
    Ok(changes)
}

/// Makes changes to what is set.
pub(crate) fn apply(changes: &[SettingChange], values: &mut Values) {
    for (setting, value) in changes {
        match value {
            Some(value) => values.insert(setting.key, value.clone()),
            None => values.remove(setting.key),
        };
    }
}

/// Values as a section, with nested keys.
pub(crate) fn write(values: &Values) -> Map<String, Value> {
    let mut section = Map::new();
    for (key, value) in values {
        let mut place = &mut section;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                place.insert(part.to_owned(), value.clone());
                break;
            }
            let inner = place.entry(part).or_insert_with(|| Map::new().into());
            // No setting's key is the beginning of another's.
            let Value::Object(inner) = inner else { break };
            place = inner;
        }
    }
    section
}

/// Nested, dotted and mixed keys are the same: they are all read as dotted ones.
fn flatten(
    section: &str,
    prefix: &str,
    object: Map<String, Value>,
    changes: &mut Vec<SettingChange>,
) -> Result<(), String> {
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
                    let value = value.to_string();
                    format!(
                        "setting [{section}.{key}] must be {must}, not [{}]",
                        echo(&value)
                    )
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
                return Err(format!(
                    "[{section}.{}] must be {must}, not [{}]",
                    echo(&key),
                    echo(&value.to_string())
                ));
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
    changes: &mut Vec<SettingChange>,
) -> Result<(), String> {
    let before = changes
        .iter()
        .position(|(known, _)| known.key == setting.key);
    match before.and_then(|place| changes.get_mut(place)) {
        None => changes.push((setting, value)),
        // A reset of all below a key stands before what is set anew there.
        Some((_, old)) if old.is_none() => *old = value,
        Some((_, old)) if *old == value => {}
        Some(_) => {
            return Err(format!(
                "setting [{section}.{}] is given twice with different values",
                setting.key
            ));
        }
    }
    Ok(())
}

/// Resets all settings at or below `key`, which may end with `*`.
fn reset(section: &str, key: &str, changes: &mut Vec<SettingChange>) -> Result<(), String> {
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

fn unknown_setting(section: &str, key: &str) -> String {
    let hint = suggest::hint(key, SETTINGS.iter().map(|setting| setting.key));
    format!("unknown setting [{section}.{}]{hint}", echo(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changes(section: Value) -> Result<Vec<(&'static str, Option<Value>)>, String> {
        let mut changes: Vec<_> = read("transient", section)?
            .into_iter()
            .map(|(setting, value)| (setting.key, value))
            .collect();
        changes.sort_by_key(|(key, _)| *key);
        Ok(changes)
    }

    #[test]
    fn nested_dotted_and_mixed_keys_are_the_same() {
        let expected = Ok(vec![("preempt.status", Some(json!(503)))]);
        for body in [
            json!({"preempt": {"status": 503}}),
            json!({"preempt.status": 503}),
            json!({"preempt": {}, "preempt.status": 503}),
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
            (json!({"preempt": null}), "preempt."),
            (json!({"preempt.*": null}), "preempt."),
            (json!({"limit": null}), "limit."),
            (json!({"*": null}), ""),
            (json!(null), ""),
        ] {
            assert_eq!(changes(body), Ok(below(prefix)));
        }
        assert_eq!(
            changes(json!({"preempt.text": null})),
            Ok(vec![("preempt.text", None)])
        );
    }

    /// Holds 4.4 of docs/admin-api.md.
    #[test]
    fn a_reset_and_a_value_in_one_body_set_only_the_value() {
        let body = json!({"preempt": null, "preempt.status": 503});
        let set: Vec<_> = changes(body)
            .expect("is well formed")
            .into_iter()
            .filter(|(_, value)| value.is_some())
            .collect();
        assert_eq!(set, [("preempt.status", Some(json!(503)))]);
    }

    /// Holds 4.5, 4.15 of docs/admin-api.md.
    #[test]
    fn what_is_wrong_is_named_with_its_section_and_key() {
        for (body, named) in [
            (
                json!({"preempt": {"statuss": 1}}),
                "did you mean [preempt.status]?",
            ),
            (
                json!({"preempt": 503}),
                "[transient.preempt] must be an object or null",
            ),
            (
                json!({"preempt.*": 503}),
                "[transient.preempt.*] must be null",
            ),
            (
                json!({"preempt.status": 700}),
                "[transient.preempt.status] must be",
            ),
            (json!({"prempt": null}), "[transient.prempt]"),
            (json!(5), "[transient] must be an object"),
            (
                json!({"preempt": {"status": 500}, "preempt.status": 503}),
                "given twice",
            ),
            (json!({"preempt.status.*": null}), "unknown setting"),
        ] {
            let error = changes(body.clone()).expect_err("is wrong");
            assert!(error.contains(named), "{body}: {error}");
        }
    }

    #[test]
    fn what_is_written_reads_as_what_it_was() {
        let values = Values::from([
            ("limit.active", json!(3)),
            ("preempt.headers", json!({"x.y": "z"})),
            ("preempt.status", json!(503)),
            ("timeout", json!("5s")),
        ]);
        let section = Value::Object(write(&values));
        assert_eq!(
            section,
            json!({
                "limit": {"active": 3},
                "preempt": {"headers": {"x.y": "z"}, "status": 503},
                "timeout": "5s"
            })
        );
        let read = changes(section).expect("it is a section");
        let set = read
            .into_iter()
            .map(|(key, value)| (key, value.expect("a value")));
        assert_eq!(set.collect::<Values>(), values);
    }
}

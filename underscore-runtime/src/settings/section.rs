//! A section of settings in JSON: the form of the body of a PUT and of the settings file. Its keys
//! may be nested, dotted or mixed.

use serde_json::{Map, Value};

use super::catalogue::{SETTINGS, Setting};
use super::section_error::{Mistake, SectionError};
use super::stored::{SettingChange, Values};

/// Reads the section `name`.
///
/// # Errors
///
/// The first mistake in it.
pub(crate) fn read(name: &str, section: Value) -> Result<Vec<SettingChange>, SectionError> {
    let mut changes = Changes(Vec::new());
    let read = match section {
        Value::Object(settings) => changes.add_object("", settings),
        Value::Null => changes.reset("*"),
        _ => Err(Mistake::NotAnObject),
    };
    match read {
        Ok(()) => Ok(changes.0),
        Err(mistake) => Err(SectionError {
            section: name.to_owned(),
            mistake,
        }),
    }
}

/// Applies changes to values.
pub(crate) fn apply(changes: &[SettingChange], values: &mut Values) {
    for (setting, value) in changes {
        match value {
            Some(value) => values.insert(setting.key, value.clone()),
            None => values.remove(setting.key),
        };
    }
}

/// Writes values as a section with nested keys.
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
            // No setting's key is a prefix of another's.
            let Value::Object(inner) = inner else { break };
            place = inner;
        }
    }
    section
}

/// The changes read so far, each setting at most once.
struct Changes(Vec<SettingChange>);

impl Changes {
    /// Adds the settings of an object below `prefix`. Nested and mixed keys are read as dotted
    /// ones.
    fn add_object(&mut self, prefix: &str, object: Map<String, Value>) -> Result<(), Mistake> {
        for (key, value) in object {
            let key = match prefix {
                "" => key,
                _ => format!("{prefix}.{key}"),
            };
            match (Setting::find(&key), value) {
                (Some(setting), Value::Null) => self.add(setting, None)?,
                (Some(setting), value) => {
                    let accepted = setting.accept(value.clone());
                    let value = accepted.map_err(|must_be| Mistake::BadValue {
                        key: setting.key,
                        must_be,
                        value: value.to_string(),
                    })?;
                    self.add(setting, Some(value))?;
                }
                (None, Value::Null) => self.reset(&key)?,
                (None, Value::Object(inner)) if has_settings(&key) => {
                    self.add_object(&key, inner)?;
                }
                (None, value) if has_settings(key.trim_end_matches(".*")) => {
                    let value = value.to_string();
                    return Err(Mistake::BadGroup { key, value });
                }
                (None, _) => return Err(Mistake::UnknownSetting { key }),
            }
        }
        Ok(())
    }

    /// Adds a change. Two spellings of one setting in one body must agree.
    fn add(&mut self, setting: &'static Setting, value: Option<Value>) -> Result<(), Mistake> {
        let mut known = self.0.iter_mut();
        match known.find(|(known, _)| known.key == setting.key) {
            None => self.0.push((setting, value)),
            // A reset of a group applies before the values that are set in it.
            Some((_, old)) if old.is_none() => *old = value,
            Some((_, old)) if *old == value => {}
            Some(_) => return Err(Mistake::GivenTwice { key: setting.key }),
        }
        Ok(())
    }

    /// Resets all settings at or below `key`, which may end with `*`.
    fn reset(&mut self, key: &str) -> Result<(), Mistake> {
        let prefix = key.strip_suffix('*').map(str::to_owned);
        let prefix = prefix.unwrap_or_else(|| format!("{key}."));
        let mut below = SETTINGS
            .iter()
            .filter(|setting| setting.key.starts_with(&prefix))
            .peekable();
        if below.peek().is_none() || prefix.contains('*') {
            let key = key.to_owned();
            return Err(Mistake::UnknownSetting { key });
        }
        below.try_for_each(|setting| {
            let is_known = self.0.iter().any(|(known, _)| known.key == setting.key);
            if is_known {
                Ok(())
            } else {
                self.add(setting, None)
            }
        })
    }
}

fn has_settings(key: &str) -> bool {
    let below = format!("{key}.");
    SETTINGS
        .iter()
        .any(|setting| setting.key.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changes(section: Value) -> Result<Vec<(&'static str, Option<Value>)>, SectionError> {
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
    fn a_value_overrides_a_reset_of_its_group() {
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
    fn an_error_names_the_section_and_the_key() {
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
            let error = changes(body.clone()).expect_err("is wrong").to_string();
            assert!(error.contains(named), "{body}: {error}");
        }
    }

    #[test]
    fn a_written_section_is_read_back() {
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

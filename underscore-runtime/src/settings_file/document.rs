//! The settings file as a text: for each route, under its handler's path, its id or its name, a section of
//! settings.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::disk::LARGEST;
use crate::json::StrictValue;
use crate::visible::echo;

const PERSISTENT: &str = "persistent";

/// What a settings file says, before anybody asks which of its routes there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Document {
    /// The section of each route, by the name that it has in the file.
    pub(super) routes: BTreeMap<String, Value>,
}

impl Document {
    /// Reads the text of a file, or says where it is not one of settings.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the file is empty; a file without settings is {}".to_owned());
        }
        let StrictValue(value) =
            serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        let Value::Object(routes) = value else {
            return Err("it must be a JSON object of routes".to_owned());
        };
        let section = |(name, entry): (String, Value)| match section(entry) {
            Some(section) => Ok((name, section)),
            None => Err(format!(
                "[{}] must be an object with the settings under [{PERSISTENT}] and nothing else",
                echo(&name)
            )),
        };
        Ok(Document {
            routes: routes.into_iter().map(section).collect::<Result<_, _>>()?,
        })
    }

    /// The text of a file that says this, or why it could not be loaded.
    pub(super) fn to_file(&self) -> Result<String, String> {
        let text = self.to_text();
        if text.len() as u64 > LARGEST {
            return Err(format!(
                "it would have {} bytes, and 1 MiB is the most; reset what is not needed, or shorten [preempt.text]",
                text.len()
            ));
        }
        Document::parse(&text).map(|_| text)
    }

    /// The text of a file that says this.
    fn to_text(&self) -> String {
        // A tree of plain data with texts for keys: nothing in it can fail.
        let text = serde_json::to_string_pretty(&self.to_json()).unwrap_or_default();
        text + "\n"
    }

    /// What it says, as one value.
    pub(super) fn to_json(&self) -> Value {
        let entry = |(name, section): (&String, &Value)| {
            let entry = Map::from_iter([(PERSISTENT.to_owned(), section.clone())]);
            (name.clone(), entry.into())
        };
        Value::Object(self.routes.iter().map(entry).collect())
    }

    /// The part of it that `other` does not say in the same way.
    pub(super) fn without(&self, other: &Document) -> Document {
        let mut rest = self.clone();
        rest.routes
            .retain(|name, section| other.routes.get(name) != Some(section));
        rest
    }
}

/// The only section that an entry has.
fn section(entry: Value) -> Option<Value> {
    match entry {
        Value::Object(mut entry) if entry.len() == 1 => {
            entry.remove(PERSISTENT).filter(Value::is_object)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_as_what_it_was() {
        let text =
            r#"{"a::b": {"persistent": {"timeout": "5s"}}, "gone": {"persistent": {"x": [1]}}}"#;
        let document = Document::parse(text).expect("it is one");
        assert_eq!(Document::parse(&document.to_text()), Ok(document));
        assert_eq!(Document::parse("{}"), Ok(Document::default()));
    }

    #[test]
    fn a_torn_and_a_foreign_file_are_no_settings() {
        for (text, why) in [
            ("", "empty"),
            ("\0\0\0", "not JSON"),
            (r#"{"a": {"persistent": {"#, "line 1 column"),
            ("[]", "object of routes"),
            (r#"{"a": {"transient": {}}}"#, "[a] must be an object"),
            (r#"{"a": {"persistent": {}, "b": 1}}"#, "nothing else"),
            (r#"{"a": {"persistent": 5}}"#, "[a] must be an object"),
            (r#"{"port": 8080}"#, "[port] must be"),
            (
                r#"{"a": {"persistent": {}}, "a": {"persistent": {}}}"#,
                "not JSON",
            ),
        ] {
            let error = Document::parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_difference_is_what_the_other_does_not_say() {
        let parse = |text| Document::parse(text).expect("it is one");
        let one = parse(r#"{"a": {"persistent": {"x": 1}}, "b": {"persistent": {}}}"#);
        let other = parse(r#"{"a": {"persistent": {"x": 2}}, "b": {"persistent": {}}}"#);
        let rest = one.without(&other);
        assert_eq!(rest, parse(r#"{"a": {"persistent": {"x": 1}}}"#));
    }
}

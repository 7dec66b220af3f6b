//! The content of the settings file: a section of settings for each route, under the path, id or
//! name of its handler.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::disk::MAX_SIZE;
use crate::json::StrictValue;
use crate::visible::echo;

const PERSISTENT: &str = "persistent";

/// The parsed content of a settings file, before its names are resolved.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Document {
    /// The section of each route, by its name in the file.
    pub(super) routes: BTreeMap<String, Value>,
}

impl Document {
    /// Parses the text of a file.
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

    /// The text of the file. Fails if the file could not be loaded again.
    pub(super) fn to_file(&self) -> Result<String, String> {
        let text = self.to_text();
        if text.len() as u64 > MAX_SIZE {
            return Err(format!(
                "it would have {} bytes, but may have at most 1 MiB; reset settings, or shorten \
                 [preempt.text]",
                text.len()
            ));
        }
        Document::parse(&text).map(|_| text)
    }

    /// The text of the file.
    fn to_text(&self) -> String {
        // Serializing a `Value` with string keys cannot fail.
        let text = serde_json::to_string_pretty(&self.to_json()).unwrap_or_default();
        text + "\n"
    }

    /// The content as one JSON value.
    pub(super) fn to_json(&self) -> Value {
        let entry = |(name, section): (&String, &Value)| {
            let entry = Map::from_iter([(PERSISTENT.to_owned(), section.clone())]);
            (name.clone(), entry.into())
        };
        Value::Object(self.routes.iter().map(entry).collect())
    }

    /// The sections that `other` does not have with the same content.
    pub(super) fn without(&self, other: &Document) -> Document {
        let mut rest = self.clone();
        rest.routes
            .retain(|name, section| other.routes.get(name) != Some(section));
        rest
    }
}

/// The section of an entry, which must be its only key.
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
    fn a_written_document_parses_to_the_same_document() {
        let text =
            r#"{"a::b": {"persistent": {"timeout": "5s"}}, "gone": {"persistent": {"x": [1]}}}"#;
        let document = Document::parse(text).expect("valid");
        assert_eq!(Document::parse(&document.to_text()), Ok(document));
        assert_eq!(Document::parse("{}"), Ok(Document::default()));
    }

    #[test]
    fn truncated_and_foreign_files_are_rejected() {
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
    fn without_leaves_the_sections_that_differ() {
        let parse = |text| Document::parse(text).expect("valid");
        let one = parse(r#"{"a": {"persistent": {"x": 1}}, "b": {"persistent": {}}}"#);
        let other = parse(r#"{"a": {"persistent": {"x": 2}}, "b": {"persistent": {}}}"#);
        let rest = one.without(&other);
        assert_eq!(rest, parse(r#"{"a": {"persistent": {"x": 1}}}"#));
    }
}

//! Properties of every answer: a status of the contract, one shape of errors, and no character that
//! controls a terminal.

use axum::http::Method;
use serde_json::Value;

/// The types of answers that are not text.
const BINARY: [&str; 2] = ["application/cbor", "application/gzip"];

/// An answer, read to its end.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    /// The header of this name.
    pub allow: Option<String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Asserts the properties of an answer to any request.
    pub fn keeps_the_contract(&self, method: &Method) {
        // 409 is a drain that no shutdown waits for.
        let known = [200, 400, 404, 405, 409, 413, 415];
        assert!(known.contains(&self.status), "{self:?}");
        assert_eq!(
            self.status == 405,
            self.allow.is_some() && method != Method::OPTIONS
        );
        if method == Method::HEAD {
            assert!(self.body.is_empty(), "{self:?}");
            return;
        }
        if !BINARY.contains(&&*self.content_type) {
            self.is_harmless();
        }
        if self.status == 200 {
            assert!(self.content_type != "application/json" || self.json().is_some());
        } else {
            self.has_the_shape_of_errors();
        }
    }

    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// No control characters except line feeds.
    fn is_harmless(&self) {
        let text = std::str::from_utf8(&self.body).expect("text is UTF-8");
        let harmful = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(harmful, None, "{self:?}");
    }

    fn has_the_shape_of_errors(&self) {
        if self.content_type == "application/yaml" {
            assert!(self.body.starts_with(b"error:\n"), "{self:?}");
            return;
        }
        assert_eq!(self.content_type, "application/json", "{self:?}");
        let json = self.json().expect("an error is JSON");
        let error = &json["error"];
        assert!(
            error["type"].is_string() && error["reason"].is_string(),
            "{json}"
        );
        let cause = &error["root_cause"][0];
        assert_eq!(
            (&cause["type"], &cause["reason"]),
            (&error["type"], &error["reason"])
        );
        assert_eq!(json["status"], self.status, "{json}");
    }
}

/// The leaves of a tree in order, each with its keys. An empty object or array is no leaf.
pub fn leaves(value: &Value) -> Vec<(Vec<&str>, &Value)> {
    let below = |key, value| {
        leaves(value)
            .into_iter()
            .map(move |(mut keys, leaf): (Vec<_>, _)| {
                keys.insert(0, key);
                (keys, leaf)
            })
    };
    match value {
        Value::Array(values) => values.iter().flat_map(leaves).collect(),
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| below(key.as_str(), value))
            .collect(),
        leaf => vec![(Vec::new(), leaf)],
    }
}

//! YAML. Text with invisible characters is double-quoted, the only style that has escapes.

use std::fmt::Write;

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

use super::Node;
use super::output::Output;
use crate::visible::{is_all_visible, visible, visible_document};

/// Writes `node`.
pub(super) fn write(node: &Node, mut output: Output<'_>) -> Vec<u8> {
    // Fails only if the read is cancelled.
    let _ = serde_saphyr::to_io_writer(&mut output, &Quoted(node));
    // Always UTF-8, because every write consists of whole characters.
    let yaml = String::from_utf8(output.into_bytes()).unwrap_or_default();
    // All escaped characters are in double-quoted scalars.
    let escape = |c: char, escaped: &mut String| {
        // Writing to a string does not fail.
        let _ = write!(escaped, "\\U{:08x}", u32::from(c));
    };
    visible_document(yaml, escape).into_bytes()
}

/// Forces double quotes where they are needed. The library ignores this for keys, so keys, which
/// are fixed words and route names, are escaped as in tables.
struct Quoted<'a, T: ?Sized>(&'a T);

impl Serialize for Quoted<'_, str> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if is_all_visible(self.0) {
            serializer.serialize_str(self.0)
        } else {
            DoubleQuoted(self.0).serialize(serializer)
        }
    }
}

impl Serialize for Quoted<'_, Node> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Node::Text(text) => Quoted(&**text).serialize(serializer),
            Node::List(nodes) => serializer.collect_seq(nodes.iter().map(Quoted)),
            Node::Object(entries) => serializer.collect_map(
                entries
                    .iter()
                    .map(|(key, node)| (visible(key), Quoted(node))),
            ),
            Node::Value(value) => Quoted(value).serialize(serializer),
            node => node.serialize(serializer),
        }
    }
}

impl Serialize for Quoted<'_, Value> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => Quoted(&**text).serialize(serializer),
            Value::Array(values) => serializer.collect_seq(values.iter().map(Quoted)),
            Value::Object(entries) => serializer.collect_map(
                entries
                    .iter()
                    .map(|(key, value)| (visible(key), Quoted(value))),
            ),
            value => value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::cancellation::Cancellation;
    use crate::visible::is_visible;

    fn write(node: &Node) -> String {
        let cancellation = Cancellation::default();
        String::from_utf8(super::write(node, Output::new(&cancellation))).expect("YAML is text")
    }

    /// Holds 7.2 of docs/admin-api.md.
    #[test]
    fn a_text_that_looks_like_another_type_is_quoted() {
        let texts = [
            "12345678",
            "1e234567",
            "0x123456",
            "00000017",
            "0o123456",
            "1_234_56",
            "12:34:56",
            ".inf",
            "null",
            "~",
            "true",
            "no",
            "off",
            "y",
            "-",
            "",
            " x",
            "a: b",
            "# x",
            "2026-01-01",
        ];
        for text in texts {
            for written in [
                write(&Node::List(vec![Node::text(text)])),
                write(&Node::object([(text, Node::Null)])),
            ] {
                let quoted = [format!("\"{text}\""), format!("'{text}'")];
                assert!(
                    quoted.iter().any(|quoted| written.contains(quoted)),
                    "{text:?} is written as {written:?}"
                );
            }
        }
    }

    /// Holds 7.1, 7.32 of docs/admin-api.md.
    #[test]
    fn invisible_characters_are_escaped_in_double_quotes() {
        let text = "a\u{0}b\u{1b}[2J\r\n\tc\u{7f}d\u{85}e\u{9b}2J\u{2028}f";
        let written = write(&Node::object([
            (text, Node::text(text)),
            ("value", Node::Value(text.into())),
        ]));
        let control = written.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(control, None, "{written:?}");
        for c in ['\u{202e}', '\u{200b}', '\u{ad}', '\u{3164}', '\u{e0041}'] {
            let text = format!("a '{c}' \\u");
            let written = write(&Node::List(vec![Node::Value(text.into())]));
            assert_eq!(
                written,
                format!("- \"a '\\U{:08x}' \\\\u\"\n", u32::from(c))
            );
            let written = write(&Node::object([(c.to_string(), Node::Null)]));
            assert!(
                written.chars().all(|c| c == '\n' || is_visible(c)),
                "{written:?}"
            );
        }
    }
}

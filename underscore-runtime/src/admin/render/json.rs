//! JSON on one line, or pretty-printed as by Elasticsearch, with `"key" : value`.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::Node;
use super::output::Output;
use crate::visible::visible_document;

/// Writes `node`. The caller applies [`escape_invisible`] to the result.
pub(super) fn write(node: &Node, pretty: bool, output: &mut Output<'_>) {
    // Fails only if the read is cancelled.
    if pretty {
        let spaced = Spaced(PrettyFormatter::new());
        let written = node.serialize(&mut Serializer::with_formatter(&mut *output, spaced));
        let _ = written.map(|()| output.write_all(b"\n"));
    } else {
        let _ = node.serialize(&mut Serializer::with_formatter(output, CompactFormatter));
    }
}

/// Escapes the invisible characters that `serde_json` does not. Parsers return the original text.
pub(super) fn escape_invisible(json: Vec<u8>) -> Vec<u8> {
    // Always UTF-8, because every write consists of whole characters.
    let json = String::from_utf8(json).unwrap_or_default();
    // Line feeds occur only between tokens.
    let escape = |c: char, escaped: &mut String| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    };
    visible_document(json, escape).into_bytes()
}

/// `serde_json`'s pretty formatter with a space before the colon.
struct Spaced(PrettyFormatter<'static>);

impl Formatter for Spaced {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b" : ")
    }

    fn end_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::cancellation::Cancellation;

    fn write(node: &Node, pretty: bool) -> String {
        let cancellation = Cancellation::default();
        let mut output = Output::new(&cancellation);
        super::write(node, pretty, &mut output);
        String::from_utf8(escape_invisible(output.into_bytes())).expect("JSON is text")
    }

    /// Holds 5.9 of docs/admin-api.md.
    #[test]
    fn pretty_json_has_spaces_around_the_colon_and_ends_with_a_newline() {
        let node = Node::object([
            ("a", Node::List(vec![Node::Integer(1)])),
            ("b", Node::List(vec![])),
        ]);
        assert_eq!(
            write(&node, true),
            "{\n  \"a\" : [\n    1\n  ],\n  \"b\" : []\n}\n"
        );
        assert_eq!(write(&node, false), r#"{"a":[1],"b":[]}"#);
    }

    /// Holds 7.1 of docs/admin-api.md.
    #[test]
    fn invisible_characters_are_escaped_in_keys_and_values_and_round_trip() {
        let text = "\u{1b}[2J \u{9b}2J é \u{202e}\u{e0041}";
        let node = Node::object([("\u{7f}", Node::text(text))]);
        let json = write(&node, false);
        let written = r#"{"\u007f":"\u001b[2J \u009b2J é \u202e\udb40\udc41"}"#;
        assert_eq!(json, written);
        let read: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!(read["\u{7f}"], text);
    }
}

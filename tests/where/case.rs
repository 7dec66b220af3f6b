//! A case: a handler and its expected stacks.

use axum::routing::MethodRouter;
use serde_json::{Value, json};

use crate::gate::Gate;

/// A handler, and its stack at each opening of the gate.
pub(crate) struct Case<'a> {
    /// Name of its route.
    pub(crate) name: &'a str,
    pub(crate) handler: fn() -> MethodRouter<Gate>,
    /// A line per frame, `function <marker> source`, indented by two spaces below its parent. The
    /// marker is the comment on the frame's line, the star marks the frame that tables show.
    pub(crate) stacks: &'a [&'a [&'a str]],
}

/// An expected stack.
pub(crate) struct Expected {
    lines: Vec<Line>,
}

struct Line {
    is_shown: bool,
    depth: usize,
    function: String,
    place: String,
    source: String,
}

impl Expected {
    pub(crate) fn read(stack: &[&str]) -> Self {
        let lines: Vec<Line> = stack.iter().map(|line| Line::read(line)).collect();
        let stars = lines.iter().filter(|line| line.is_shown).count();
        assert_eq!(stars, stack.len().min(1), "one star in {stack:#?}");
        Expected { lines }
    }

    /// The expected `where` and `awaiting`.
    pub(crate) fn shown(&self) -> (Value, Value) {
        match self.lines.iter().find(|line| line.is_shown) {
            Some(line) => (json!(line.place), json!(line.source)),
            None => (Value::Null, Value::Null),
        }
    }

    /// The expected lines below the task's own line.
    pub(crate) fn text(&self) -> String {
        if self.lines.is_empty() {
            return "  it has not waited at a known await yet\n".to_owned();
        }
        let print = |line: &Line| {
            let indent = "  ".repeat(line.depth + 1);
            let (function, place, source) = (&line.function, &line.place, &line.source);
            format!("{indent}{function}  {place}  {source}\n")
        };
        self.lines.iter().map(print).collect()
    }

    pub(crate) fn json(&self) -> Value {
        nested(&self.lines)
    }
}

impl Line {
    fn read(line: &str) -> Self {
        let (star, rest) = line.split_at(2);
        assert!(["* ", "  "].contains(&star), "no place for a star: {line}");
        let words = rest.trim_start();
        let parts = words.split_once(" <").and_then(|(function, rest)| {
            let (marker, source) = rest.split_once("> ")?;
            Some((function, marker, source))
        });
        let (function, marker, source) = parts.expect("function <marker> source");
        Line {
            is_shown: star == "* ",
            depth: (rest.len() - words.len()) / 2,
            // The name of this crate is a keyword, which is escaped in a path.
            function: format!("r#where::{function}"),
            place: place_of(marker),
            source: source.to_owned(),
        }
    }
}

/// Parses `lines` into trees. Each line with the indentation of the first one begins a tree.
fn nested(lines: &[Line]) -> Value {
    let depth = lines.first().map_or(0, |line| line.depth);
    let trees = lines.chunk_by(|_, next| next.depth > depth);
    let tree = |lines: &[Line]| {
        json!({
            "function": lines[0].function,
            "where": lines[0].place,
            "awaiting": lines[0].source,
            "inside": nested(&lines[1..]),
        })
    };
    trees.map(tree).collect()
}

const SOURCES: [(&str, &str); 8] = [
    ("tests/where/blocks.rs", include_str!("blocks.rs")),
    ("tests/where/branches.rs", include_str!("branches.rs")),
    ("tests/where/extractors.rs", include_str!("extractors.rs")),
    ("tests/where/flow.rs", include_str!("flow.rs")),
    ("tests/where/helpers.rs", include_str!("helpers.rs")),
    ("tests/where/in_macros.rs", include_str!("in_macros.rs")),
    ("tests/where/kept.rs", include_str!("kept.rs")),
    ("tests/where/written.rs", include_str!("written.rs")),
];

/// The line that ends with the comment `marker`, or the one after the comment if it has its own
/// line.
fn place_of(marker: &str) -> String {
    let comment = format!("// {marker}");
    let mut places = Vec::new();
    for (path, source) in SOURCES {
        for (line, number) in source.lines().zip(1..) {
            if line.ends_with(&comment) {
                let stands_alone = line.trim_start() == comment;
                places.push(format!("{path}:{}", number + u32::from(stands_alone)));
            }
        }
    }
    assert_eq!(places.len(), 1, "{marker} is at {places:?}");
    places.remove(0)
}

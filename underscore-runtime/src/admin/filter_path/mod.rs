//! `filter_path`: the part of a structured answer that was asked for. Which answers it is applied to is
//! decided in `request`.

#[cfg(test)]
mod tests;

use std::mem;

use serde_json::Value;

use super::cancellation::Cancellation;
use super::render::{Key, Node};
use super::words::{comma_list, matches_pattern};

/// A filter: what goes, and then what stays of the rest.
///
/// A pattern is written as keys with dots between them. `*` in a key is any run of characters, `**` in
/// place of a key is any number of levels, none included, and `\.` is a dot that is part of a key. It
/// means all that is below what it names. The elements of an array are at the level of the array.
#[derive(Debug)]
pub(super) struct FilterPath {
    excluded: Option<Patterns>,
    included: Option<Patterns>,
}

impl FilterPath {
    /// Reads a comma list of patterns; a `-` before one says that it goes. No pattern is no filter.
    pub(super) fn parse(list: &str) -> Option<Self> {
        let excluded = comma_list(list).filter_map(|word| word.strip_prefix('-'));
        let included = comma_list(list).filter(|word| !word.starts_with('-'));
        let filter = FilterPath {
            excluded: Patterns::parse(excluded.map(str::trim), false),
            included: Patterns::parse(included, true),
        };
        let is_empty = filter.excluded.is_none() && filter.included.is_none();
        (!is_empty).then_some(filter)
    }

    /// What is left of `answer`: an empty object or array at the least, as it was one or the other.
    /// Once `cancellation` ends, the rest is left out.
    pub(super) fn apply(&self, answer: Node, cancellation: &Cancellation) -> Node {
        let nothing = match &answer {
            Node::List(_) | Node::Value(Value::Array(_)) => Node::List(Vec::new()),
            _ => Node::Object(Vec::new()),
        };
        let mut passes = self.excluded.iter().chain(&self.included);
        passes
            .try_fold(answer, |node, patterns| {
                patterns.filter(node, &patterns.start, cancellation)
            })
            .unwrap_or(nothing)
    }
}

/// Patterns that have one effect, followed all at once: behind each key it is known how far they have
/// come. So a node costs one look at each step at most, however the stars stand. To try one reading of a
/// pattern after the other would be simpler, and a few `**` on a deep tree have more readings than anyone
/// can wait for.
#[derive(Debug)]
struct Patterns {
    /// Whether what they match is what stays, or what goes.
    keep: bool,
    /// The patterns one after the other, each with an end.
    steps: Vec<Step>,
    /// Where they are before any key.
    start: Reach,
}

/// A part of a pattern.
#[derive(Debug)]
enum Step {
    /// One level, with a key like this.
    Key(String),
    /// `**`. Never before another one of it.
    AnyDepth,
    /// Everything from here on is matched.
    End,
}

/// How far patterns have come on the way to a node.
#[derive(Clone, Debug)]
enum Reach {
    /// Nothing here or below is matched.
    Nothing,
    /// Something below may be: the places in `steps` that come next, each once, in their order.
    Within(Vec<usize>),
    /// The node is matched with all below it.
    Whole,
}

impl Patterns {
    fn parse<'a>(patterns: impl Iterator<Item = &'a str>, keep: bool) -> Option<Self> {
        let (mut steps, mut starts) = (Vec::new(), Vec::new());
        for pattern in patterns.filter(|pattern| !pattern.is_empty()) {
            starts.push(steps.len());
            push_steps(&mut steps, pattern);
        }
        let mut patterns = Patterns {
            keep,
            steps,
            start: Reach::Nothing,
        };
        patterns.start = patterns.reach(starts.iter().copied());
        (!starts.is_empty()).then_some(patterns)
    }

    /// What is left of `node`, to which the patterns have come so far. What has lost everything inside
    /// goes too; what was empty before had nothing to lose.
    fn filter(&self, node: Node, reach: &Reach, cancellation: &Cancellation) -> Option<Node> {
        if cancellation.is_requested() {
            return None;
        }
        let positions = match reach {
            Reach::Nothing => return (!self.keep).then_some(node),
            Reach::Whole => return self.keep.then_some(node),
            Reach::Within(positions) => positions,
        };
        match opened(node) {
            Node::Object(entries) if !entries.is_empty() => {
                let entry = |(key, node): (Key, Node)| {
                    let reach = self.after(positions, &key);
                    Some((key, self.filter(node, &reach, cancellation)?))
                };
                let left: Vec<_> = entries.into_iter().filter_map(entry).collect();
                (!left.is_empty()).then_some(Node::Object(left))
            }
            Node::List(nodes) if !nodes.is_empty() => {
                let element = |node| self.filter(node, reach, cancellation);
                let left: Vec<_> = nodes.into_iter().filter_map(element).collect();
                (!left.is_empty()).then_some(Node::List(left))
            }
            leaf => (!self.keep).then_some(leaf),
        }
    }

    /// How far the patterns are behind `key`.
    fn after(&self, positions: &[usize], key: &str) -> Reach {
        let next = |&position: &usize| match self.steps.get(position)? {
            Step::Key(pattern) => {
                matches_pattern(pattern, key).then_some(position.saturating_add(1))
            }
            Step::AnyDepth => Some(position),
            Step::End => None,
        };
        self.reach(positions.iter().filter_map(next))
    }

    /// What it means to be at these positions: at `**` one is behind it as well.
    fn reach(&self, positions: impl Iterator<Item = usize>) -> Reach {
        let mut within = Vec::new();
        for position in positions {
            let any_depth = matches!(self.steps.get(position), Some(Step::AnyDepth));
            for position in position..=position.saturating_add(usize::from(any_depth)) {
                if let Some(Step::End) = self.steps.get(position) {
                    return Reach::Whole;
                }
                // A position moves by one step or stays, so one that is not above the last is in already.
                if within.last() < Some(&position) {
                    within.push(position);
                }
            }
        }
        match within.as_slice() {
            [] => Reach::Nothing,
            _ => Reach::Within(within),
        }
    }
}

/// Adds the steps of a pattern. It is cut at each dot that no backslash stands before.
fn push_steps(steps: &mut Vec<Step>, pattern: &str) {
    let mut key = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next_if_eq(&'.').is_some() => key.push('.'),
            '.' => push_step(steps, mem::take(&mut key)),
            _ => key.push(c),
        }
    }
    push_step(steps, key);
    steps.push(Step::End);
}

fn push_step(steps: &mut Vec<Step>, mut key: String) {
    match (key.as_str(), steps.last()) {
        ("**", Some(Step::AnyDepth)) => {}
        ("**", _) => steps.push(Step::AnyDepth),
        _ => {
            // A run of stars is one: each piece between two of them costs a look at every key.
            let mut last = '\0';
            key.retain(|c| (c, mem::replace(&mut last, c)) != ('*', '*'));
            steps.push(Step::Key(key));
        }
    }
}

/// `node` with its outermost level as nodes, not as a [`Value`].
fn opened(node: Node) -> Node {
    match node {
        Node::Value(Value::Object(entries)) => {
            let entries = entries.into_iter();
            Node::object(entries.map(|(key, value)| (key, Node::Value(value))))
        }
        Node::Value(Value::Array(values)) => {
            Node::List(values.into_iter().map(Node::Value).collect())
        }
        other => other,
    }
}

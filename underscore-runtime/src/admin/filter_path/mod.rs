//! `filter_path`: selects a part of a structured answer.

#[cfg(test)]
mod tests;

use std::mem;

use serde_json::Value;

use super::cancellation::Cancellation;
use super::render::{Node, ObjectKey};
use super::words::{comma_list, matches_pattern};

/// A filter: removes what the excluding patterns match, then keeps what the including ones match.
///
/// A pattern consists of keys separated by dots. `*` in a key matches any characters, `**` in place
/// of a key matches any number of levels, including none, and `\.` is a dot within a key. A match
/// includes everything below it. The elements of an array are on the level of the array.
#[derive(Debug)]
pub(super) struct FilterPath {
    excluded: Option<Patterns>,
    included: Option<Patterns>,
}

impl FilterPath {
    /// Parses a comma list of patterns. A `-` before a pattern excludes its matches. `None` if
    /// there are no patterns.
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

    /// Filters `answer`. The result is at least an empty object or array, like the answer. If the
    /// read is cancelled, the rest is left out.
    pub(super) fn apply(&self, answer: Node, cancellation: &Cancellation) -> Node {
        let empty = match &answer {
            Node::List(_) | Node::Value(Value::Array(_)) => Node::List(Vec::new()),
            _ => Node::Object(Vec::new()),
        };
        let mut passes = self.excluded.iter().chain(&self.included);
        passes
            .try_fold(answer, |node, patterns| {
                patterns.filter(node, &patterns.start, cancellation)
            })
            .unwrap_or(empty)
    }
}

/// Patterns with the same effect, matched simultaneously, like the states of an NFA: after each
/// key, the set of current steps is known. So a node costs at most one comparison per step,
/// whatever the patterns. Backtracking would be simpler, but a few `**` on a deep tree would take
/// exponential time.
#[derive(Debug)]
struct Patterns {
    /// True if matches are kept, false if they are removed.
    keep: bool,
    /// The steps of all patterns, each pattern followed by `End`.
    steps: Vec<Step>,
    /// The state at the root.
    start: MatchState,
}

/// An element of a pattern.
#[derive(Debug)]
enum Step {
    /// One level whose key matches this.
    Key(String),
    /// `**`. Never followed by another one.
    AnyDepth,
    /// The pattern has matched.
    End,
}

/// The state of the patterns at a node.
#[derive(Clone, Debug)]
enum MatchState {
    /// Neither the node nor anything below it can match.
    Failed,
    /// Something below may match: the indexes of the next steps, unique and ascending.
    Partial(Vec<usize>),
    /// The node matches, with everything below it.
    Matched,
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
            start: MatchState::Failed,
        };
        patterns.start = patterns.state_at(starts.iter().copied());
        (!starts.is_empty()).then_some(patterns)
    }

    /// Filters `node`, at which the patterns are in `state`. A node whose content is removed
    /// entirely is removed too, but not one that was empty before.
    fn filter(&self, node: Node, state: &MatchState, cancellation: &Cancellation) -> Option<Node> {
        if cancellation.is_requested() {
            return None;
        }
        let positions = match state {
            MatchState::Failed => return (!self.keep).then_some(node),
            MatchState::Matched => return self.keep.then_some(node),
            MatchState::Partial(positions) => positions,
        };
        match unpack_value(node) {
            Node::Object(entries) if !entries.is_empty() => {
                let entry = |(key, node): (ObjectKey, Node)| {
                    let state = self.after(positions, &key);
                    Some((key, self.filter(node, &state, cancellation)?))
                };
                let kept: Vec<_> = entries.into_iter().filter_map(entry).collect();
                (!kept.is_empty()).then_some(Node::Object(kept))
            }
            Node::List(nodes) if !nodes.is_empty() => {
                let element = |node| self.filter(node, state, cancellation);
                let kept: Vec<_> = nodes.into_iter().filter_map(element).collect();
                (!kept.is_empty()).then_some(Node::List(kept))
            }
            leaf => (!self.keep).then_some(leaf),
        }
    }

    /// The state after `key`.
    fn after(&self, positions: &[usize], key: &str) -> MatchState {
        let next = |&position: &usize| match self.steps.get(position)? {
            Step::Key(pattern) => {
                matches_pattern(pattern, key).then_some(position.saturating_add(1))
            }
            Step::AnyDepth => Some(position),
            Step::End => None,
        };
        self.state_at(positions.iter().filter_map(next))
    }

    /// The state for these steps. A `**` also matches no level, so the step after it is added.
    fn state_at(&self, positions: impl Iterator<Item = usize>) -> MatchState {
        let mut partial = Vec::new();
        for position in positions {
            let any_depth = matches!(self.steps.get(position), Some(Step::AnyDepth));
            for position in position..=position.saturating_add(usize::from(any_depth)) {
                if let Some(Step::End) = self.steps.get(position) {
                    return MatchState::Matched;
                }
                // Positions stay or advance by one, so one that is not above the last is a
                // duplicate.
                if partial.last() < Some(&position) {
                    partial.push(position);
                }
            }
        }
        match partial.as_slice() {
            [] => MatchState::Failed,
            _ => MatchState::Partial(partial),
        }
    }
}

/// Adds the steps of a pattern, which is split at each dot without a backslash before it.
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
            // Repeated stars are one, because each star costs a comparison per key.
            let mut last = '\0';
            key.retain(|c| (c, mem::replace(&mut last, c)) != ('*', '*'));
            steps.push(Step::Key(key));
        }
    }
}

/// Converts the outermost level of a [`Value`] to nodes.
fn unpack_value(node: Node) -> Node {
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

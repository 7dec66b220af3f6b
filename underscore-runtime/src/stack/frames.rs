//! A task's stack as it is read: frames from the outside in, and their two short forms.

use std::collections::HashMap;

use super::{AwaitPoint, Node, NodeKey, Parent};

/// The await points of a task at one moment.
#[derive(Debug)]
pub(crate) struct Stack {
    nodes: Vec<Option<Node>>,
}

/// A pending await, and those that are pending inside of it: several where it splits into branches.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) point: &'static AwaitPoint,
    pub(crate) inside: Vec<Frame>,
}

impl Stack {
    pub(super) fn new(nodes: Vec<Option<Node>>) -> Self {
        Stack { nodes }
    }

    /// See [`innermost`].
    pub(crate) fn innermost(&self) -> Option<&'static AwaitPoint> {
        innermost(&self.frames())
    }

    /// The tree from the outside in; branches in the order of the source.
    ///
    /// Outermost is the await that the task's own body is suspended at. Where none is known, because the
    /// body awaits something in the tokens of a macro, it is what is polled from there.
    ///
    /// A body is at one await at a time: what else was polled in it without an await around, by a
    /// `select!` that is over, is kept somewhere and waited for by nobody.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let mut inside: HashMap<Parent, Vec<(NodeKey, &'static AwaitPoint)>> = HashMap::new();
        for (key, node) in (0..).map(NodeKey).zip(&self.nodes) {
            if let Some(Node { point, parent }) = *node {
                inside.entry(parent).or_default().push((key, point));
            }
        }
        let mut frames = frames_inside(Parent::ROOT, &mut inside);
        if frames.iter().any(|frame| !frame.point.in_block) {
            frames.retain(|frame| !frame.point.in_block);
        }
        frames
    }
}

/// Takes what is inside `parent` out of `inside`: each is taken once, so a node that were its own
/// ancestor would end this, not keep it going.
fn frames_inside(
    parent: Parent,
    inside: &mut HashMap<Parent, Vec<(NodeKey, &'static AwaitPoint)>>,
) -> Vec<Frame> {
    let children = inside.remove(&parent).unwrap_or_default();
    let mut frames: Vec<Frame> = children
        .into_iter()
        .map(|(key, point)| Frame {
            point,
            inside: frames_inside(Parent::new(key, point), inside),
        })
        .collect();
    frames.sort_by_key(|Frame { point, .. }| (point.file, point.line, point.column));
    frames
}

/// The point that says best where a task is: the innermost one, or the one where it splits into
/// branches. Where it splits without a point of its own, the first branch in the source.
pub(crate) fn innermost(frames: &[Frame]) -> Option<&'static AwaitPoint> {
    let mut innermost = frames.first()?;
    while let [only] = innermost.inside.as_slice() {
        innermost = only;
    }
    Some(innermost.point)
}

/// The frames on one line: innermost last, ` > ` between, branches as `[a | b]`.
pub(crate) fn on_one_line(frames: &[Frame]) -> String {
    #[allow(
        clippy::format_push_string,
        reason = "reads better than a result to ignore"
    )]
    fn write(line: &mut String, frames: &[Frame]) {
        let branches = frames.len() > 1;
        if branches {
            line.push('[');
        }
        for (index, frame) in frames.iter().enumerate() {
            if index > 0 {
                line.push_str(" | ");
            }
            let point = frame.point;
            line.push_str(&format!("{point} {}", point.source()));
            if !frame.inside.is_empty() {
                line.push_str(" > ");
                write(line, &frame.inside);
            }
        }
        if branches {
            line.push(']');
        }
    }
    let mut line = String::new();
    write(&mut line, frames);
    line
}

#[cfg(test)]
mod tests {
    use super::super::{Change, Keys, Tree};
    use super::*;

    static OUTER: AwaitPoint = AwaitPoint::new("f", "f.rs", 1, 1, "outer()");
    static LEFT: AwaitPoint = AwaitPoint::new("f", "f.rs", 2, 1, "left()");
    static RIGHT: AwaitPoint = AwaitPoint::new("f", "f.rs", 3, 1, "right()");

    fn set(tree: &mut Tree, key: NodeKey, point: &'static AwaitPoint, parent: Parent) {
        tree.apply(&Change::Set(key, Node { point, parent }));
    }

    #[test]
    fn a_stack_is_one_line_with_its_branches_in_brackets() {
        let mut tree = Tree::default();
        assert_eq!(on_one_line(&tree.snapshot().frames()), "");
        let outer = Parent::new(NodeKey(0), &OUTER);
        set(&mut tree, NodeKey(2), &RIGHT, outer);
        set(&mut tree, NodeKey(1), &LEFT, outer);
        set(&mut tree, NodeKey(0), &OUTER, Parent::ROOT);
        assert_eq!(
            on_one_line(&tree.snapshot().frames()),
            "f.rs:1 outer() > [f.rs:2 left() | f.rs:3 right()]"
        );
        tree.apply(&Change::Clear(NodeKey(1)));
        assert_eq!(
            on_one_line(&tree.snapshot().frames()),
            "f.rs:1 outer() > f.rs:3 right()"
        );
    }

    fn shown(tree: &Tree) -> Option<String> {
        tree.snapshot().innermost().map(ToString::to_string)
    }

    #[test]
    fn the_innermost_point_is_shown_and_a_split_is_shown_where_it_splits() {
        let mut tree = Tree::default();
        assert_eq!(shown(&tree), None);
        let (outer, left, right) = (NodeKey(0), NodeKey(1), NodeKey(2));
        // A child is committed before its parent: the inner future is pending first.
        let inside = Parent::new(outer, &OUTER);
        set(&mut tree, left, &LEFT, inside);
        set(&mut tree, outer, &OUTER, Parent::ROOT);
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:2"));
        set(&mut tree, right, &RIGHT, inside);
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:1"), "two branches");
        tree.apply(&Change::Clear(left));
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:3"));
        tree.apply(&Change::Clear(right));
        tree.apply(&Change::Clear(outer));
        assert_eq!(shown(&tree), None);
    }

    #[test]
    fn what_was_polled_in_an_await_that_is_over_is_in_no_other_one() {
        let mut tree = Tree::default();
        let (key, kept) = (NodeKey(0), NodeKey(1));
        set(&mut tree, kept, &LEFT, Parent::new(key, &OUTER));
        set(&mut tree, key, &RIGHT, Parent::ROOT);
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:3"), "another point");
        tree.apply(&Change::Clear(key));
        set(&mut tree, key, &OUTER, Parent::ROOT);
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:2"), "the same again");
    }

    #[test]
    fn what_left_before_it_was_committed_does_not_come_back() {
        let (mut tree, mut keys) = (Tree::default(), Keys::new());
        let key = keys.take().expect("all are free");
        tree.clear_from_afar(key);
        set(&mut tree, key, &LEFT, Parent::ROOT);
        assert_eq!(shown(&tree), None);
        keys.release_all(tree.settle());
        assert_eq!(keys.take(), Some(key), "its key is free again");
        set(&mut tree, key, &RIGHT, Parent::ROOT);
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:3"));
    }
}

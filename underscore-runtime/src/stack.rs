//! The await points that a task is inside of, as a tree. The thread that polls the task keeps a list
//! of changes (`instrument::at`), commits it when the poll returns `Pending`, and whoever looks reads
//! what was committed: so a stack is what the task waits on, and a running task shows what it left.

use std::collections::HashMap;
use std::fmt;

use smallvec::SmallVec;

/// A place in the source where a future is awaited.
#[derive(Debug)]
pub struct AwaitPoint {
    function: &'static str,
    file: &'static str,
    line: u32,
    column: u32,
    source: &'static str,
    /// It stands in a block or closure of the function, not in the body that the task itself is.
    in_block: bool,
}

impl AwaitPoint {
    /// A point in `function`, written there as `source`. Generated code is the only caller.
    pub const fn new(
        function: &'static str,
        file: &'static str,
        line: u32,
        column: u32,
        source: &'static str,
    ) -> Self {
        AwaitPoint {
            function,
            file,
            line,
            column,
            source,
            in_block: false,
        }
    }

    /// The same in a block or a closure, whose future the function may await, keep or give away.
    #[must_use]
    pub const fn in_block(mut self) -> Self {
        self.in_block = true;
        self
    }

    /// A number that no other point has: half of its address, for statics are never that far apart.
    #[inline]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the other half is the same everywhere"
    )]
    fn tag(&'static self) -> u32 {
        std::ptr::from_ref(self).addr() as u32
    }

    /// The function that it stands in.
    pub(crate) fn function(&self) -> &'static str {
        self.function
    }

    /// The source text of what is awaited.
    pub(crate) fn source(&self) -> &'static str {
        self.source
    }
}

/// `file:line`, as compilers write it.
impl fmt::Display for AwaitPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// An await's place in its task's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeKey(u32);

/// What an await is in: the await that has `key`, as long as that one is at the point with this tag.
///
/// Keys are given again. A future that was polled in one await, and is kept while the task goes on to
/// the next, must not be taken for a part of that. Only a loop that comes back to the same point finds
/// it again, which is what a loop over many branches needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Parent {
    key: NodeKey,
    tag: u32,
}

impl Parent {
    /// What awaits are in that are in no other await.
    pub(crate) const ROOT: Parent = Parent {
        key: NodeKey::ROOT,
        tag: 0,
    };

    #[inline]
    pub(crate) fn new(key: NodeKey, point: &'static AwaitPoint) -> Self {
        Parent {
            key,
            tag: point.tag(),
        }
    }
}

impl NodeKey {
    /// No key: for awaits past those that can be numbered.
    pub(crate) const ROOT: NodeKey = NodeKey(u32::MAX);

    /// Whether the tree gave it out, and has to get it back.
    #[inline]
    pub(crate) fn is_high(self) -> bool {
        self.0 >= u64::BITS
    }
}

/// An await that is pending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) point: &'static AwaitPoint,
    /// The await that it was polled in.
    pub(crate) parent: Parent,
}

/// A change to a tree.
#[derive(Debug)]
pub(crate) enum Change {
    Set(NodeKey, Node),
    Clear(NodeKey),
}

/// The keys below 64 that are in use in one task, a bit each. They serve all but wide fan-outs, which
/// get the rest of theirs from the tree.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keys(u64);

impl Keys {
    pub(crate) const fn new() -> Self {
        Keys(0)
    }

    /// A free key, if there is one.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<NodeKey> {
        let bit = self.0.trailing_ones();
        if bit == u64::BITS {
            return None;
        }
        self.0 |= 1 << bit;
        Some(NodeKey(bit))
    }

    /// Frees a key below 64; the tree frees the others when they are cleared.
    #[inline]
    pub(crate) fn release(&mut self, key: NodeKey) {
        if !key.is_high() {
            self.0 &= !(1 << key.0);
        }
    }

    /// Frees the keys in `others`.
    pub(crate) fn release_all(&mut self, others: Keys) {
        self.0 &= !others.0;
    }
}

/// The pending awaits of one task.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: SmallVec<[Option<Node>; 2]>,
    /// What few tasks need.
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Default)]
struct Rare {
    /// Keys from 64 on that were used and are free.
    free: Vec<NodeKey>,
    /// How many keys from 64 on there are.
    count: u32,
    /// Keys whose awaits went away while they were in nobody's hands or in another task's.
    gone: Vec<NodeKey>,
}

impl Tree {
    #[inline]
    pub(crate) fn apply(&mut self, change: &Change) {
        match *change {
            Change::Set(NodeKey::ROOT, _) | Change::Clear(NodeKey::ROOT) => {}
            Change::Set(key, node) => {
                if self
                    .rare
                    .as_ref()
                    .is_some_and(|rare| rare.gone.contains(&key))
                {
                    return;
                }
                let index = key.0 as usize;
                if index >= self.nodes.len() {
                    self.nodes.resize(index + 1, None);
                }
                if let Some(slot) = self.nodes.get_mut(index) {
                    *slot = Some(node);
                }
            }
            Change::Clear(key) => {
                self.clear(key);
                self.release_high(key);
            }
        }
    }

    fn clear(&mut self, key: NodeKey) {
        if let Some(slot) = self.nodes.get_mut(key.0 as usize) {
            *slot = None;
        }
    }

    /// A free key from 64 on.
    pub(crate) fn take_high(&mut self) -> NodeKey {
        let rare = self.rare.get_or_insert_default();
        rare.free.pop().unwrap_or_else(|| {
            rare.count += 1;
            NodeKey(rare.count - 1 + u64::BITS)
        })
    }

    /// Frees `key` if it is one from 64 on.
    pub(crate) fn release_high(&mut self, key: NodeKey) {
        match &mut self.rare {
            Some(rare) if key.is_high() && key != NodeKey::ROOT => rare.free.push(key),
            _ => {}
        }
    }

    /// Takes an await out that is not in the hands of the thread that polls the task. That thread may
    /// be in a poll, and about to commit that the await is there: its key is kept until then.
    pub(crate) fn clear_from_afar(&mut self, key: NodeKey) {
        self.clear(key);
        self.rare.get_or_insert_default().gone.push(key);
    }

    /// Frees the keys that were kept for the thread that polls the task, now that it has committed.
    /// Those below 64 are its own to give again.
    pub(crate) fn settle(&mut self) -> Keys {
        let mut keys = Keys::new();
        if let Some(rare) = &mut self.rare {
            for key in rare.gone.drain(..) {
                match key {
                    NodeKey::ROOT => {}
                    key if key.is_high() => rare.free.push(key),
                    NodeKey(bit) => keys.0 |= 1 << bit,
                }
            }
        }
        keys
    }

    /// A copy to read at leisure.
    pub(crate) fn snapshot(&self) -> Stack {
        Stack {
            nodes: self.nodes.to_vec(),
        }
    }
}

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
            line.push_str(&format!("{point} {}", point.source));
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

    #[test]
    fn a_key_is_never_given_twice_and_is_given_again_once_released() {
        let (mut tree, mut keys) = (Tree::default(), Keys::new());
        let take =
            |tree: &mut Tree, keys: &mut Keys| keys.take().unwrap_or_else(|| tree.take_high());
        let taken: Vec<NodeKey> = (0..200).map(|_| take(&mut tree, &mut keys)).collect();
        for (index, key) in taken.iter().enumerate() {
            assert!(!taken[..index].contains(key), "{key:?} twice");
        }
        for key in &taken {
            keys.release(*key);
            tree.apply(&Change::Clear(*key));
        }
        for _ in 0..200 {
            let again = take(&mut tree, &mut keys);
            assert!(taken.contains(&again), "a new key while old ones are free");
        }
    }
}

//! The await points that a task is inside of, as a tree. The thread that polls the task keeps a list
//! of changes (`instrument::at`), commits it when the poll returns `Pending`, and whoever looks reads
//! what was committed: so a stack is what the task waits on, and a running task shows what it left.

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
        }
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeKey(u32);

impl NodeKey {
    /// What awaits are in that are in no other await.
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
    pub(crate) parent: NodeKey,
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
}

/// The pending awaits of one task.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: SmallVec<[Option<Node>; 2]>,
    /// The keys from 64 on.
    high: Option<Box<HighKeys>>,
}

#[derive(Debug, Default)]
struct HighKeys {
    /// Those that were used and are free.
    free: Vec<NodeKey>,
    /// How many there are.
    count: u32,
}

impl Tree {
    #[inline]
    pub(crate) fn apply(&mut self, change: &Change) {
        match *change {
            Change::Set(NodeKey::ROOT, _) | Change::Clear(NodeKey::ROOT) => {}
            Change::Set(key, node) => {
                let index = key.0 as usize;
                if index >= self.nodes.len() {
                    self.nodes.resize(index + 1, None);
                }
                if let Some(slot) = self.nodes.get_mut(index) {
                    *slot = Some(node);
                }
            }
            Change::Clear(key) => {
                if let Some(slot) = self.nodes.get_mut(key.0 as usize) {
                    *slot = None;
                }
                self.release_high(key);
            }
        }
    }

    /// A free key from 64 on.
    pub(crate) fn take_high(&mut self) -> NodeKey {
        let high = self.high.get_or_insert_default();
        high.free.pop().unwrap_or_else(|| {
            high.count += 1;
            NodeKey(high.count - 1 + u64::BITS)
        })
    }

    /// Frees `key` if it is one from 64 on.
    fn release_high(&mut self, key: NodeKey) {
        match &mut self.high {
            Some(high) if key.is_high() => high.free.push(key),
            _ => {}
        }
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

impl Stack {
    /// The point that says best where the task is: the innermost one, or the one where it splits into
    /// branches. Where it splits without a point of its own, the first branch in the source.
    pub(crate) fn innermost(&self) -> Option<&'static AwaitPoint> {
        let mut inside = self.first_inside(NodeKey::ROOT)?;
        // A tree of n nodes is at most n deep: a bound, should a node ever be its own ancestor.
        for _ in 0..self.nodes.len() {
            match self.inside(inside).count() {
                1 => inside = self.first_inside(inside)?,
                _ => break,
            }
        }
        let node = self.nodes.get(inside.0 as usize)?;
        node.map(|node| node.point)
    }

    fn first_inside(&self, parent: NodeKey) -> Option<NodeKey> {
        let place = |(_, node): &(NodeKey, Node)| {
            let point = node.point;
            (point.file, point.line, point.column)
        };
        self.inside(parent).min_by_key(place).map(|(key, _)| key)
    }

    /// The awaits that are directly inside `parent`. One whose parent is gone is inside the root.
    fn inside(&self, parent: NodeKey) -> impl Iterator<Item = (NodeKey, Node)> {
        let keys = (0..).map(NodeKey);
        keys.zip(&self.nodes)
            .filter_map(|(key, node)| Some((key, (*node)?)))
            .filter(move |(_, node)| self.known(node.parent) == parent)
    }

    fn known(&self, parent: NodeKey) -> NodeKey {
        match self.nodes.get(parent.0 as usize) {
            Some(Some(_)) => parent,
            _ => NodeKey::ROOT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static OUTER: AwaitPoint = AwaitPoint::new("f", "f.rs", 1, 1, "outer()");
    static LEFT: AwaitPoint = AwaitPoint::new("f", "f.rs", 2, 1, "left()");
    static RIGHT: AwaitPoint = AwaitPoint::new("f", "f.rs", 3, 1, "right()");

    fn set(tree: &mut Tree, key: NodeKey, point: &'static AwaitPoint, parent: NodeKey) {
        tree.apply(&Change::Set(key, Node { point, parent }));
    }

    fn innermost(tree: &Tree) -> Option<String> {
        tree.snapshot().innermost().map(ToString::to_string)
    }

    #[test]
    fn the_innermost_point_is_shown_and_a_split_is_shown_where_it_splits() {
        let mut tree = Tree::default();
        assert_eq!(innermost(&tree), None);
        let (outer, left, right) = (NodeKey(0), NodeKey(1), NodeKey(2));
        // A child is committed before its parent: the inner future is pending first.
        set(&mut tree, left, &LEFT, outer);
        assert_eq!(
            innermost(&tree).as_deref(),
            Some("f.rs:2"),
            "parent not there yet"
        );
        set(&mut tree, outer, &OUTER, NodeKey::ROOT);
        assert_eq!(innermost(&tree).as_deref(), Some("f.rs:2"));
        set(&mut tree, right, &RIGHT, outer);
        assert_eq!(innermost(&tree).as_deref(), Some("f.rs:1"), "two branches");
        tree.apply(&Change::Clear(left));
        assert_eq!(innermost(&tree).as_deref(), Some("f.rs:3"));
        tree.apply(&Change::Clear(right));
        tree.apply(&Change::Clear(outer));
        assert_eq!(innermost(&tree), None);
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

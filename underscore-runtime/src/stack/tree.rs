//! The pending awaits of one task, as a tree that is changed in place: what is inside of what, by keys
//! that are given again. How it is read is in `frames`.

use smallvec::SmallVec;

use super::{AwaitPoint, INLINE_NODES, Stack};

/// An await's place in its task's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeKey(pub(super) u32);

/// What an await is in: the await that has `key`, as long as that one is at the point with this tag.
///
/// Keys are given again. A future that was polled in one await, and is kept while the task goes on to
/// the next, must not be taken for a part of that. Only a loop that comes back to the same point finds
/// it again, which is what a loop over many branches needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ParentKey(u64);

impl ParentKey {
    /// What awaits are in that are in no other await.
    pub(crate) const ROOT: ParentKey = ParentKey((NodeKey::ROOT.0 as u64) << 32);

    #[inline]
    pub(crate) fn new(key: NodeKey, point: &'static AwaitPoint) -> Self {
        ParentKey(u64::from(key.0) << 32 | u64::from(point.tag()))
    }
}

/// As a number, to be kept in an atomic.
impl ParentKey {
    #[inline]
    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        ParentKey(bits)
    }
}

impl NodeKey {
    /// No key: for awaits past those that can be numbered.
    pub(crate) const ROOT: NodeKey = NodeKey(u32::MAX);

    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// True if the tree gave it out, and has to get it back.
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
    pub(crate) parent: ParentKey,
    /// The name of the type of what is awaited.
    pub(crate) awaited: TypeName,
}

/// Gives the name of a type: asked for when a stack is read.
pub(crate) type TypeName = fn() -> &'static str;

/// A change to a tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeChange {
    pub(crate) key: NodeKey,
    /// What is under it now, if anything.
    pub(crate) node: Option<Node>,
}

/// The keys below 64 that are in use in one task, a bit each. They serve all but wide fan-outs, which
/// get the rest of theirs from the tree.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keys(u64);

impl Keys {
    pub(crate) const fn new() -> Self {
        Keys(0)
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Keys(bits)
    }

    #[inline]
    pub(crate) fn to_bits(self) -> u64 {
        self.0
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

    /// The keys in use.
    pub(crate) fn iter(self) -> impl Iterator<Item = NodeKey> {
        let in_use = move |bit: &u32| self.0 >> bit & 1 == 1;
        (0..u64::BITS).filter(in_use).map(NodeKey)
    }

    /// Frees the keys in `others`.
    pub(crate) fn release_all(&mut self, others: Keys) {
        self.0 &= !others.0;
    }
}

/// Pending awaits by their keys: as many inline as a slot has, so that most stacks are copied
/// without allocating.
pub(super) type StackNodes = SmallVec<[Option<Node>; INLINE_NODES]>;

/// The pending awaits of one task.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: StackNodes,
    /// What few tasks need.
    overflow: Option<Box<Overflow>>,
}

#[derive(Debug, Default)]
struct Overflow {
    /// Keys from 64 on that were used and are free.
    free: Vec<NodeKey>,
    /// How many keys from 64 on there are.
    count: u32,
    /// Keys whose awaits were dropped while no task, or another task, was polled.
    dropped: Vec<NodeKey>,
}

impl Tree {
    #[inline]
    pub(crate) fn apply(&mut self, change: &NodeChange) {
        match (change.key, change.node) {
            (NodeKey::ROOT, _) => {}
            (key, Some(node)) => {
                if self.is_dropped(key) {
                    return;
                }
                let index = key.0 as usize;
                if index >= self.nodes.len() {
                    self.nodes.resize(index.saturating_add(1), None);
                }
                if let Some(slot) = self.nodes.get_mut(index) {
                    *slot = Some(node);
                }
            }
            (key, None) => {
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
        let overflow = self.overflow.get_or_insert_default();
        overflow.free.pop().unwrap_or_else(|| {
            let key = NodeKey(overflow.count.saturating_add(u64::BITS));
            overflow.count = overflow.count.saturating_add(1);
            key
        })
    }

    /// Frees `key` if it is one from 64 on.
    pub(crate) fn release_high(&mut self, key: NodeKey) {
        match &mut self.overflow {
            Some(overflow) if key.is_high() && key != NodeKey::ROOT => overflow.free.push(key),
            _ => {}
        }
    }

    /// Takes an await out that is not in the hands of the thread that polls the task. That thread may
    /// be in a poll, and about to commit that the await is there: its key is kept until then.
    pub(crate) fn clear_remote(&mut self, key: NodeKey) {
        self.clear(key);
        self.overflow.get_or_insert_default().dropped.push(key);
    }

    /// Frees the keys that were kept for the thread that polls the task, now that it has committed.
    /// Those below 64 are its own to give again.
    pub(crate) fn take_dropped(&mut self) -> Keys {
        let mut keys = Keys::new();
        if let Some(overflow) = &mut self.overflow {
            for key in overflow.dropped.drain(..) {
                match key {
                    NodeKey::ROOT => {}
                    key if key.is_high() => overflow.free.push(key),
                    NodeKey(bit) => keys.0 |= 1 << bit,
                }
            }
        }
        keys
    }

    /// True if the await under `key` was dropped outside of a poll of its task.
    pub(crate) fn is_dropped(&self, key: NodeKey) -> bool {
        self.overflow
            .as_ref()
            .is_some_and(|overflow| overflow.dropped.contains(&key))
    }

    /// A copy to read at leisure, with `inline` under the first keys.
    pub(crate) fn snapshot_with(&self, inline: &[Option<Node>; INLINE_NODES]) -> Stack {
        let mut nodes = self.nodes.clone();
        if nodes.len() < INLINE_NODES {
            nodes.resize(INLINE_NODES, None);
        }
        for (key, (node, inline)) in (0..).map(NodeKey).zip(nodes.iter_mut().zip(inline)) {
            *node = inline.filter(|_| !self.is_dropped(key));
        }
        Stack::new(nodes)
    }

    /// A copy to read at leisure.
    #[cfg(test)]
    pub(crate) fn snapshot(&self) -> Stack {
        Stack::new(self.nodes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            tree.apply(&NodeChange {
                key: *key,
                node: None,
            });
        }
        for _ in 0..200 {
            let again = take(&mut tree, &mut keys);
            assert!(taken.contains(&again), "a new key while old ones are free");
        }
    }
}

//! A pending await, and the key under which a task's stack has it.

use super::AwaitPoint;

/// The key of an await in its task's stack. Keys are reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeKey(pub(super) u32);

impl NodeKey {
    /// Stands for no key: the parent of outermost awaits, and the key of awaits beyond the range.
    pub(crate) const ROOT: NodeKey = NodeKey(u32::MAX);

    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// True if the tree handed the key out, so that it has to be returned there.
    #[inline]
    pub(crate) fn is_high(self) -> bool {
        self.0 >= u64::BITS
    }
}

/// The enclosing await: its key, and the tag of its point.
///
/// Keys are reused, so the key alone does not identify the parent. A future that was polled in one
/// await, and is kept while the task goes on to the next, must not be listed inside that one. It is
/// listed again only if a loop returns to the same point, as a loop over many branches does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ParentKey(u64);

impl ParentKey {
    /// The parent of outermost awaits.
    pub(crate) const ROOT: ParentKey = ParentKey((NodeKey::ROOT.0 as u64) << 32);

    #[inline]
    pub(crate) fn new(key: NodeKey, point: &'static AwaitPoint) -> Self {
        ParentKey(u64::from(key.0) << 32 | u64::from(point.tag()))
    }

    /// The value for an atomic.
    #[inline]
    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    /// True if both have the same key.
    pub(crate) fn has_key_of(self, other: Self) -> bool {
        self.0 >> 32 == other.0 >> 32
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        ParentKey(bits)
    }
}

/// A pending await.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackNode {
    pub(crate) point: &'static AwaitPoint,
    /// The await inside of which it was polled.
    pub(crate) parent: ParentKey,
    /// The type names of the awaited future and of its output.
    pub(crate) types: TypeNames,
}

/// Returns the names of the types of a future and of its output. Called when a stack is read.
pub(crate) type TypeNames = fn() -> (&'static str, &'static str);

/// A change of a stack: `node` is pending under `key`, or no await is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeChange {
    pub(crate) key: NodeKey,
    pub(crate) node: Option<StackNode>,
}

//! The first few pending awaits of a task, which its poller writes without a lock. A read is
//! consistent only under the slot's `SeqCount`.

use super::{AwaitPoint, NodeKey, ParentKey, StackNode, TypeNames};
use crate::sync::AtomicCell;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Number of awaits kept inline. Keys from this one up are in the tree.
pub(crate) const INLINE_NODES: usize = 3;

/// Pending awaits, by key.
#[derive(Debug)]
pub(crate) struct InlineNodes([InlineNode; INLINE_NODES]);

#[derive(Debug)]
struct InlineNode {
    /// `None` if no await is pending under the key.
    point: AtomicCell<Option<&'static AwaitPoint>>,
    types: AtomicCell<Option<TypeNames>>,
    parent: AtomicU64,
}

impl InlineNodes {
    pub(crate) fn new() -> Self {
        const {
            // Otherwise they would take a lock in each poll.
            assert!(AtomicCell::<Option<&'static AwaitPoint>>::is_lock_free());
            assert!(AtomicCell::<Option<TypeNames>>::is_lock_free());
        }
        InlineNodes(std::array::from_fn(|_| InlineNode {
            point: AtomicCell::new(None),
            types: AtomicCell::new(None),
            parent: AtomicU64::new(0),
        }))
    }

    /// Sets or clears the await under `key`. Returns false if the key belongs to the tree.
    #[inline]
    pub(crate) fn put(&self, key: NodeKey, node: Option<StackNode>) -> bool {
        let Some(place) = self.0.get(key.index()) else {
            return false;
        };
        match node {
            Some(node) => {
                place.parent.store(node.parent.to_bits(), Ordering::Relaxed);
                place.types.store(Some(node.types));
                place.point.store(Some(node.point));
            }
            None => place.point.store(None),
        }
        true
    }

    pub(crate) fn clear(&self) {
        self.0.iter().for_each(|place| place.point.store(None));
    }

    /// The pending awaits.
    pub(crate) fn read(&self) -> [Option<StackNode>; INLINE_NODES] {
        std::array::from_fn(|index| {
            let place = self.0.get(index)?;
            Some(StackNode {
                point: place.point.load()?,
                types: place.types.load()?,
                parent: ParentKey::from_bits(place.parent.load(Ordering::Relaxed)),
            })
        })
    }
}

//! The pending awaits of one task beyond the inline ones, as a tree that is changed in place.
//! Reading it is in `frames`.

use super::frames::{Stack, StackNodes};
use super::inline_nodes::INLINE_NODES;
use super::keys::Keys;
use super::node::{NodeChange, NodeKey, StackNode};

/// The pending awaits of one task, by key.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: StackNodes,
    /// State that few tasks need.
    overflow: Option<Box<Overflow>>,
}

#[derive(Debug, Default)]
struct Overflow {
    /// Free keys from 64 up that were in use before.
    free: Vec<NodeKey>,
    /// Number of keys from 64 up that were ever handed out.
    count: u32,
    /// Keys of awaits that were dropped outside of a poll of this task.
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
                let index = key.index();
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
        if let Some(slot) = self.nodes.get_mut(key.index()) {
            *slot = None;
        }
    }

    /// Takes a free key from 64 up.
    pub(crate) fn take_high(&mut self) -> NodeKey {
        let overflow = self.overflow.get_or_insert_default();
        overflow.free.pop().unwrap_or_else(|| {
            let key = NodeKey(overflow.count.saturating_add(u64::BITS));
            overflow.count = overflow.count.saturating_add(1);
            key
        })
    }

    /// Frees `key` if it is 64 or higher.
    pub(crate) fn release_high(&mut self, key: NodeKey) {
        match &mut self.overflow {
            Some(overflow) if key.is_high() && key != NodeKey::ROOT => overflow.free.push(key),
            _ => {}
        }
    }

    /// Removes an await that is dropped outside of a poll of its task. The polling thread may be
    /// about to commit it as pending, so its key stays in use until that thread has committed.
    pub(crate) fn clear_remote(&mut self, key: NodeKey) {
        self.clear(key);
        self.overflow.get_or_insert_default().dropped.push(key);
    }

    /// Frees the keys of awaits that were dropped outside of a poll, after the polling thread has
    /// committed. Returns those below 64, which that thread frees itself.
    pub(crate) fn take_dropped(&mut self) -> Keys {
        let mut keys = 0;
        if let Some(overflow) = &mut self.overflow {
            for key in overflow.dropped.drain(..) {
                match key {
                    NodeKey::ROOT => {}
                    key if key.is_high() => overflow.free.push(key),
                    NodeKey(bit) => keys |= 1 << bit,
                }
            }
        }
        Keys::from_bits(keys)
    }

    /// True if the await under `key` was dropped outside of a poll of its task.
    pub(crate) fn is_dropped(&self, key: NodeKey) -> bool {
        self.overflow
            .as_ref()
            .is_some_and(|overflow| overflow.dropped.contains(&key))
    }

    /// A copy of the first `most` awaits, with `inline` under the first keys.
    pub(crate) fn snapshot_with(
        &self,
        inline: &[Option<StackNode>; INLINE_NODES],
        most: usize,
    ) -> Stack {
        let mut nodes = StackNodes::from_slice(self.nodes.get(..most).unwrap_or(&self.nodes));
        if nodes.len() < INLINE_NODES {
            nodes.resize(INLINE_NODES, None);
        }
        for (key, (node, inline)) in (0..).map(NodeKey).zip(nodes.iter_mut().zip(inline)) {
            *node = inline.filter(|_| !self.is_dropped(key));
        }
        Stack::new(nodes)
    }

    /// A copy.
    #[cfg(test)]
    pub(crate) fn snapshot(&self) -> Stack {
        Stack::new(self.nodes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_use_is_not_handed_out_and_a_released_one_is() {
        let (mut tree, mut keys) = (Tree::default(), Keys::default());
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
            assert!(
                taken.contains(&again),
                "a new key although released ones are free"
            );
        }
    }
}

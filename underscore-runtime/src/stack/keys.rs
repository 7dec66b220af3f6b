//! The keys that the polling thread hands out without a lock.

use super::node::NodeKey;

/// The keys below 64 that are in use in one task, as a bit set. Wider fan-outs get further keys
/// from the tree.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keys(u64);

impl Keys {
    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Keys(bits)
    }

    #[inline]
    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    /// Takes a free key, `None` if all are in use.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<NodeKey> {
        let bit = self.0.trailing_ones();
        if bit == u64::BITS {
            return None;
        }
        self.0 |= 1 << bit;
        Some(NodeKey(bit))
    }

    /// Frees a key below 64. The tree frees higher ones when they are cleared.
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

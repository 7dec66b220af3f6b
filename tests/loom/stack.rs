//! The stand-in for stacks, which no model has: only the word in which a record keeps its keys.

#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys(u64);

impl Keys {
    pub(crate) fn from_bits(bits: u64) -> Self {
        Keys(bits)
    }

    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }
}

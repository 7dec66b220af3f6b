//! The stand-in for settings: a number that tells one from the other.

#[derive(Debug)]
pub(crate) struct Effective(pub(crate) u32);

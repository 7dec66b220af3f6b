//! The stand-in for settings: a number that tells one from the other.

#[derive(Debug, Default)]
pub(crate) struct Effective {
    pub(crate) number: u32,
}

impl Effective {
    pub(crate) fn numbered(number: u32) -> Self {
        Effective { number }
    }
}

//! Stand-in for effective settings: a number.

#[derive(Debug, Default)]
pub(crate) struct EffectiveSettings {
    pub(crate) number: u32,
}

impl EffectiveSettings {
    pub(crate) fn numbered(number: u32) -> Self {
        EffectiveSettings { number }
    }
}

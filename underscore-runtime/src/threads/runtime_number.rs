//! Numbers of tokio's runtimes.

use tokio::runtime::Id;

use crate::sync::Mutex;

/// The number of a runtime, counted from zero in the order of their first use. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RuntimeNumber(u16);

/// The known runtimes, in the order of their numbers.
static SEEN: Mutex<Vec<Id>> = Mutex::new(Vec::new());

impl RuntimeNumber {
    /// The number of the runtime with this id, `None` from the 65535th on.
    pub(crate) fn new(id: Id) -> Option<Self> {
        let mut seen = SEEN.lock();
        let place = seen.iter().position(|known| *known == id);
        let number = u16::try_from(place.unwrap_or(seen.len())).ok();
        let number = number.filter(|number| *number < u16::MAX)?;
        if place.is_none() {
            seen.push(id);
        }
        Some(RuntimeNumber(number))
    }

    /// Packs the number plus one into 16 bits, with zero for `None`.
    pub(crate) fn to_bits(number: Option<Self>) -> u32 {
        number.map_or(0, |number| u32::from(number.0).wrapping_add(1))
    }

    /// Reverses [`to_bits`](Self::to_bits).
    pub(crate) fn from_bits(bits: u32) -> Option<Self> {
        let number = u16::try_from(bits.checked_sub(1)?).ok()?;
        Some(RuntimeNumber(number))
    }

    pub(crate) fn get(self) -> u64 {
        self.0.into()
    }
}

//! A value per second for the last fifteen minutes, in fixed memory.

/// Number of seconds in the ring: the longest window, and the current second.
pub(super) const KEPT: u64 = 15 * 60 + 1;

/// A slot per second, with the default value until it is changed.
#[derive(Clone, Debug)]
pub(super) struct Ring<T> {
    slots: Box<[T]>,
    newest: u64,
}

impl<T: Copy + Default> Ring<T> {
    pub(super) fn new() -> Self {
        let kept = usize::try_from(KEPT).unwrap_or(usize::MAX);
        Ring {
            slots: vec![T::default(); kept].into_boxed_slice(),
            newest: 0,
        }
    }

    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Makes `second` the newest if it is newer. Calls `expired` with each slot that leaves the
    /// ring, and a second that is its own or a later one.
    pub(super) fn advance(&mut self, second: u64, mut expired: impl FnMut(u64, T)) {
        let first = self.newest.saturating_add(1).max(oldest(second));
        for new in first..=second {
            if let Some(slot) = self.slots.get_mut(place(new)) {
                expired(new.saturating_sub(KEPT), std::mem::take(slot));
            }
        }
        self.newest = self.newest.max(second);
    }

    /// True if `second` is in the ring.
    pub(super) fn keeps(&self, second: u64) -> bool {
        (oldest(self.newest)..=self.newest).contains(&second)
    }

    /// The slot of a second, `None` if it is not in the ring.
    pub(super) fn get(&self, second: u64) -> Option<T> {
        let slot = self.slots.get(place(second)).copied();
        slot.filter(|_| self.keeps(second))
    }

    /// The slot of a second for writing, `None` if it is not in the ring.
    pub(super) fn get_mut(&mut self, second: u64) -> Option<&mut T> {
        let kept = self.keeps(second);
        self.slots.get_mut(place(second)).filter(|_| kept)
    }

    /// The seconds in the ring with their slots, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, T)> {
        let seconds = oldest(self.newest)..=self.newest;
        seconds.filter_map(|second| Some((second, *self.slots.get(place(second))?)))
    }

    /// Allocated bytes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.slots)
    }
}

/// The oldest second in a ring whose newest is `newest`.
fn oldest(newest: u64) -> u64 {
    newest.saturating_sub(KEPT - 1)
}

fn place(second: u64) -> usize {
    usize::try_from(second % KEPT).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_that_leaves_is_passed_on_once() {
        let mut ring = Ring::new();
        ring.advance(5_000, |_, _: u32| ());
        *ring.get_mut(5_000).expect("in the ring") = 1;
        *ring.get_mut(4_100).expect("in the ring") = 2;
        assert!(ring.get_mut(4_099).is_none(), "too old");
        assert!(ring.get_mut(5_001).is_none(), "not there yet");
        let mut gone = 0;
        ring.advance(5_001, |second, slot| {
            assert_eq!(second, 4_100);
            gone += slot;
        });
        assert_eq!((gone, ring.newest()), (2, 5_001));
        ring.advance(4_000, |_, _| panic!("not an advance"));
        ring.advance(900_000, |_, slot| gone += slot);
        assert_eq!((gone, ring.newest()), (3, 900_000));
        assert!(ring.iter().all(|(_, slot)| slot == 0));
    }
}

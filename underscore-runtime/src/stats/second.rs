//! What one page of a ledger counts in one second, until it hands that over to the route's window.

use super::bucket::Bucket;

/// How many response times are held before they are handed over. More would save hardly anything, and the
/// page would take another pair of cache lines.
const HELD: usize = 32;

/// The beginnings and the response times of one second, or the first so many of them.
#[derive(Debug, Default)]
pub(crate) struct Second {
    pub(super) at: u64,
    pub(super) begun: u32,
    answered: u32,
    /// The sum of the response times.
    pub(super) nanos: u64,
    pub(super) longest: u64,
    buckets: [Bucket; HELD],
}

impl Second {
    /// Whether something that happens in `second` can be counted here: not in another second than the one
    /// that was begun, and not if there is no more place.
    #[inline]
    pub(crate) fn takes(&self, second: u64) -> bool {
        self.at == second && (self.answered as usize) < HELD
    }

    /// Counts a task that begins.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.begun = self.begun.saturating_add(1);
    }

    /// Counts an answer, for which there is place.
    #[inline]
    pub(crate) fn answer(&mut self, nanos: u64) {
        if let Some(free) = self.buckets.get_mut(self.answered as usize) {
            *free = Bucket::of(nanos);
            self.answered = self.answered.saturating_add(1);
            self.nanos = self.nanos.saturating_add(nanos);
            self.longest = self.longest.max(nanos);
        }
    }

    /// Whether nothing was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.begun == 0 && self.answered == 0
    }

    /// Forgets all, to count what happens in `second`.
    pub(crate) fn restart(&mut self, second: u64) {
        *self = Second {
            at: second,
            ..Second::default()
        };
    }

    /// The response times.
    pub(super) fn answers(&self) -> &[Bucket] {
        self.buckets
            .get(..self.answered as usize)
            .unwrap_or(&self.buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_one_second_and_so_many_answers() {
        let mut second = Second::default();
        assert!(!second.takes(7));
        second.restart(7);
        assert!(second.is_empty());
        for nanos in 1..=HELD as u64 {
            assert!(second.takes(7) && !second.takes(8));
            second.begin();
            second.answer(nanos);
        }
        assert!(!second.takes(7) && !second.is_empty());
        second.answer(1_000_000);
        assert_eq!((second.begun, second.answers().len()), (32, HELD));
        assert_eq!((second.nanos, second.longest), (32 * 33 / 2, 32));
    }
}

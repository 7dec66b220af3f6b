//! The records of one route: the slowest few of each minute, and the newest few of each bad end.

use std::collections::VecDeque;
use std::sync::Arc;

use super::record::EndedRequest;
use crate::clock::Instant;
use crate::stats::Outcome;

/// Number of slow requests that are kept of each minute.
pub(crate) const SLOWEST: usize = 4;

/// Number of minutes for which they are kept.
pub(crate) const MINUTES: u64 = 15;

/// Number of requests that are kept of each bad end.
pub(crate) const NEWEST: usize = 8;

/// Time for which they are kept, in seconds.
pub(crate) const BAD_SECONDS: u64 = 60 * 60;

/// A bad end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Disconnected,
    Interrupted,
    Expired,
    Panicked,
    Failed,
    /// A response with a status of 500 or above.
    ServerError,
}

impl Kind {
    const COUNT: usize = 6;

    /// The kind of an end, `None` for one that is not bad. A request that was answered before its
    /// handler ran is not: that is what an operator has set.
    #[inline]
    pub(crate) fn new(outcome: Outcome, status_is_below_500: bool) -> Option<Self> {
        match outcome {
            Outcome::Completed if status_is_below_500 => None,
            Outcome::Completed => Some(Kind::ServerError),
            Outcome::Disconnected => Some(Kind::Disconnected),
            Outcome::Interrupted => Some(Kind::Interrupted),
            Outcome::Expired => Some(Kind::Expired),
            Outcome::Panicked => Some(Kind::Panicked),
            Outcome::Failed => Some(Kind::Failed),
            Outcome::Preempted | Outcome::Rejected => None,
        }
    }
}

/// The records of one route.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// By minute, oldest first; within a minute in no order.
    slow: VecDeque<(u64, Vec<Arc<EndedRequest>>)>,
    /// By kind, oldest first.
    bad: [VecDeque<Arc<EndedRequest>>; Kind::COUNT],
}

impl Kept {
    /// True if a slow request with this start and end would be kept.
    pub(super) fn has_room_for_slow(&self, started: Instant, ended: Instant) -> bool {
        let minute = ended.second() / 60;
        let of_minute = self.slow.iter().find(|(known, _)| *known == minute);
        let took = ended.since(started);
        of_minute.is_none_or(|(_, slow)| {
            slow.len() < SLOWEST || slow.iter().any(|known| known.took() < took)
        })
    }

    /// Adds a slow request, in place of the fastest of its minute if there are enough.
    pub(super) fn add_slow(&mut self, record: &Arc<EndedRequest>) {
        let minute = record.ended.second() / 60;
        let at = self.slow.partition_point(|(known, _)| *known < minute);
        if self.slow.get(at).is_none_or(|(known, _)| *known != minute) {
            self.slow.insert(at, (minute, Vec::with_capacity(SLOWEST)));
        }
        let Some((_, slow)) = self.slow.get_mut(at) else {
            return;
        };
        if slow.len() < SLOWEST {
            slow.push(Arc::clone(record));
        } else if let Some(fastest) = slow.iter_mut().min_by_key(|known| known.took())
            && fastest.took() < record.took()
        {
            *fastest = Arc::clone(record);
        }
    }

    /// Adds a request that ended badly, in place of the oldest of its kind if there are enough.
    pub(super) fn add_bad(&mut self, kind: Kind, record: &Arc<EndedRequest>) {
        if let Some(bad) = self.bad.get_mut(kind as usize) {
            if bad.len() == NEWEST {
                bad.pop_front();
            }
            bad.push_back(Arc::clone(record));
        }
    }

    /// Drops records that are older than they are kept.
    pub(super) fn drop_old(&mut self, now: Instant) {
        let oldest_minute = (now.second() / 60).saturating_sub(MINUTES);
        while self.slow.front().is_some_and(|(m, _)| *m < oldest_minute) {
            self.slow.pop_front();
        }
        let oldest = now.second().saturating_sub(BAD_SECONDS);
        for bad in &mut self.bad {
            while bad.front().is_some_and(|it| it.ended.second() < oldest) {
                bad.pop_front();
            }
        }
    }

    /// Drops the record that ended first.
    pub(super) fn drop_oldest(&mut self) {
        let first_slow = |(_, slow): &(u64, Vec<Arc<EndedRequest>>)| {
            slow.iter().map(|record| record.ended).min()
        };
        let slow = self.slow.front().and_then(first_slow);
        let of_kind = |bad: &VecDeque<Arc<EndedRequest>>| bad.front().map(|record| record.ended);
        let bad = self.bad.iter().filter_map(of_kind).min();
        let is_slow = match (slow, bad) {
            (Some(slow), Some(bad)) => slow <= bad,
            (slow, _) => slow.is_some(),
        };
        if is_slow {
            let front = self.slow.front_mut();
            let is_empty = front.is_none_or(|(_, records)| {
                records.retain(|record| Some(record.ended) != slow);
                records.is_empty()
            });
            if is_empty {
                self.slow.pop_front();
            }
        } else if let Some(oldest) = self.bad.iter_mut().find(|of| of_kind(of) == bad) {
            oldest.pop_front();
        }
    }

    /// Number of records; one that is slow and ended badly counts twice.
    pub(super) fn len(&self) -> usize {
        let slow = self.slow.iter().map(|(_, records)| records.len());
        let bad = self.bad.iter().map(VecDeque::len);
        slow.chain(bad).sum()
    }

    /// All records; one that is slow and ended badly is there twice.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<EndedRequest>> {
        let slow = self.slow.iter().flat_map(|(_, records)| records);
        slow.chain(self.bad.iter().flatten())
    }
}

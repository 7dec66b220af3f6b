//! Finds workers that are blocked by untracked code: a spawned future, or a handler without the
//! attribute.
//!
//! Such a worker is not parked, and its counters do not change. tokio updates them when a worker
//! parks and after every 61 polls (`event_interval`), so a worker whose counters do not change is
//! in one long poll, or somewhere in a run of 61 short ones. It is in one poll if its thread sleeps
//! without having woken up. If the thread runs, or is not known, the worker counts as blocked after
//! ten times the limit.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::threads::{RuntimeNumber, Sleep, Thread};

/// Multiple of the limit after which a worker counts as blocked although it may be in several
/// polls.
const UNSURE: u32 = 10;

/// Values that change if a worker makes progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// Number of times that it parked or was unparked.
    pub(super) parks: u64,
    /// Busy time, as far as tokio has counted it.
    pub(super) busy: Duration,
    /// Start of its last poll of a tracked task.
    pub(super) entered: Option<Instant>,
}

/// A worker that has made no progress since it was sampled first.
#[derive(Debug)]
pub(super) struct Stall {
    progress: Progress,
    since: Instant,
    /// The sleep that its thread is in, and when that was sampled first.
    asleep: Option<(Sleep, Instant)>,
    is_blocked: bool,
}

/// A change of a worker's state.
#[derive(Debug)]
pub(super) enum Transition {
    /// It counts as blocked from now on, and has made no progress for this long.
    Blocked(Duration),
    /// It makes progress again, and was blocked for this long.
    Resumed(Duration),
}

/// A change of state of a worker that is not in the poll of a tracked task.
pub(super) struct UntrackedStall {
    pub(super) transition: Transition,
    pub(super) runtime: Option<RuntimeNumber>,
    pub(super) worker: usize,
    pub(super) thread: Option<Arc<Thread>>,
}

impl Stall {
    fn new(progress: Progress, now: Instant) -> Self {
        Stall {
            progress,
            since: now,
            asleep: None,
            is_blocked: false,
        }
    }

    /// Takes a sample of a worker. `progress` is `None` while it is parked or in a poll of a
    /// tracked task; `limit` is how long a poll may take.
    pub(super) fn sample(
        stall: &mut Option<Self>,
        progress: Option<Progress>,
        thread: Option<&Arc<Thread>>,
        now: Instant,
        limit: Duration,
    ) -> Option<Transition> {
        let same = stall
            .as_mut()
            .filter(|stall| Some(stall.progress) == progress);
        let Some(same) = same else {
            let over = std::mem::replace(stall, progress.map(|new| Stall::new(new, now)));
            return over
                .filter(|over| over.is_blocked)
                .map(|over| Transition::Resumed(now.since(over.since)));
        };
        if same.is_blocked {
            return None;
        }
        let sleep = thread.and_then(|thread| thread.sleep());
        if same.asleep.map(|(sleep, _)| sleep) != sleep {
            same.asleep = sleep.map(|sleep| (sleep, now));
        }
        let is_sure = same
            .asleep
            .is_some_and(|(_, since)| now.since(since) >= limit);
        let age = now.since(same.since);
        if !is_sure && age < limit.saturating_mul(UNSURE) {
            return None;
        }
        same.is_blocked = true;
        Some(Transition::Blocked(age))
    }

    /// Start of the stall, `None` unless the worker counts as blocked.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.is_blocked.then_some(self.since)
    }

    /// Restarts the observation after a gap between samples.
    pub(super) fn restart(&mut self, now: Instant) {
        if !self.is_blocked {
            *self = Stall::new(self.progress, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    fn progress(parks: u64) -> Progress {
        Progress {
            parks,
            busy: Duration::ZERO,
            entered: None,
        }
    }

    /// Samples every 30 ms. Returns the number of samples until the worker is found blocked.
    fn samples_until_blocked(mut progress: impl FnMut(u64) -> Option<Progress>) -> Option<u64> {
        let (mut stall, mut now) = (None, Instant::now());
        (0..100).find(|sample| {
            now = now.after(Duration::from_millis(30));
            let found = Stall::sample(&mut stall, progress(*sample), None, now, LIMIT);
            matches!(found, Some(Transition::Blocked(_)))
        })
    }

    #[test]
    fn a_worker_without_progress_is_blocked_after_ten_times_the_limit() {
        assert_eq!(samples_until_blocked(|_| Some(progress(2))), Some(34));
    }

    #[test]
    fn a_worker_that_makes_progress_or_is_parked_is_never_blocked() {
        assert_eq!(samples_until_blocked(|sample| Some(progress(sample))), None);
        assert_eq!(samples_until_blocked(|_| None), None);
        let parks_now_and_then = |sample| Some(progress(sample / 20));
        assert_eq!(samples_until_blocked(parks_now_and_then), None);
    }

    #[test]
    fn a_blocked_worker_resumes_once() {
        let (mut stall, mut now) = (None, Instant::now());
        let mut transitions = Vec::new();
        for sample in 0..60 {
            now = now.after(Duration::from_millis(30));
            let progress = progress(if sample < 50 { 2 } else { sample });
            transitions.extend(Stall::sample(&mut stall, Some(progress), None, now, LIMIT));
        }
        let [Transition::Blocked(first), Transition::Resumed(last)] = transitions.as_slice() else {
            panic!("{transitions:?}");
        };
        assert!(*first >= 10 * LIMIT && last > first, "{transitions:?}");
    }
}

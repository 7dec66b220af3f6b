//! Workers that are blocked by code in which no poll of a tracked task is: a spawned future or a
//! handler without the attribute.
//!
//! Such a worker is not parked, and what tokio counts of it stands still: it counts when a worker
//! parks, and after each 61 polls (tokio's `event_interval`), when it looks for events. So a worker that stands still may be in
//! one poll, or in the midst of 61 of them. It is in one if its thread sleeps, and has not woken up
//! since. If the thread runs, or is not known, ten times as long is waited for.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::threads::{Sleep, Thread};

/// How many times as long as a poll may take it takes until a worker counts as blocked of which it
/// is not known that it is in one poll.
const UNSURE: u32 = 10;

/// What changes of a worker that makes progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// How often it parked and was unparked.
    pub(super) rests: u64,
    /// How long it was busy, as far as that was counted.
    pub(super) busy: Duration,
    /// When it entered the last poll of a tracked task.
    pub(super) entered: Option<Instant>,
}

/// A worker that may be blocked.
#[derive(Debug)]
pub(super) struct Stall {
    progress: Progress,
    since: Instant,
    /// The sleep of its thread, and when it was seen first.
    asleep: Option<(Sleep, Instant)>,
    is_blocked: bool,
}

/// What a look at a worker found out.
#[derive(Debug)]
pub(super) enum Transition {
    /// It has been blocked for so long.
    Blocked(Duration),
    /// It was, for so long.
    Resumed(Duration),
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

    /// Looks at a worker. `progress` is `None` while it is parked, or in a poll of a tracked task;
    /// `limit` is how long a poll may take.
    pub(super) fn look(
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

    /// Since when it has been blocked, if it is.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.is_blocked.then_some(self.since)
    }

    /// Begins anew: nobody looked for a while.
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

    fn progress(rests: u64) -> Progress {
        Progress {
            rests,
            busy: Duration::ZERO,
            entered: None,
        }
    }

    /// Looks every 30 ms, and returns after how many looks the worker is found to be blocked.
    fn looks_until_blocked(mut of_look: impl FnMut(u64) -> Option<Progress>) -> Option<u64> {
        let (mut stall, mut now) = (None, Instant::now());
        (0..100).find(|look| {
            now = now.after(Duration::from_millis(30));
            let found = Stall::look(&mut stall, of_look(*look), None, now, LIMIT);
            matches!(found, Some(Transition::Blocked(_)))
        })
    }

    #[test]
    fn a_worker_that_stands_still_is_blocked_after_ten_times_the_limit() {
        assert_eq!(looks_until_blocked(|_| Some(progress(2))), Some(34));
    }

    #[test]
    fn a_worker_that_makes_progress_or_is_parked_is_never_blocked() {
        assert_eq!(looks_until_blocked(|look| Some(progress(look))), None);
        assert_eq!(looks_until_blocked(|_| None), None);
        let parks_now_and_then = |look| Some(progress(look / 20));
        assert_eq!(looks_until_blocked(parks_now_and_then), None);
    }

    #[test]
    fn a_blocked_worker_comes_back_once() {
        let (mut stall, mut now) = (None, Instant::now());
        let mut changes = Vec::new();
        for look in 0..60 {
            now = now.after(Duration::from_millis(30));
            let progress = progress(if look < 50 { 2 } else { look });
            changes.extend(Stall::look(&mut stall, Some(progress), None, now, LIMIT));
        }
        let [Transition::Blocked(first), Transition::Resumed(last)] = changes.as_slice() else {
            panic!("{changes:?}");
        };
        assert!(*first >= 10 * LIMIT && last > first, "{changes:?}");
    }
}

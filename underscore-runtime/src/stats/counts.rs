//! Counts of ended tasks by outcome and by the class of their status.

use std::time::Duration;

use axum::http::StatusCode;

/// The way a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The handler answered.
    Completed,
    /// The task was dropped before it had an answer: its client left, or a timeout of the app
    /// expired.
    Disconnected,
    /// An operator ended it.
    Interrupted,
    /// The handler panicked.
    Panicked,
    /// It was answered before the handler ran, by a setting of an operator.
    Preempted,
    /// It was refused before the handler ran, because a limit was reached.
    Rejected,
    /// Its timeout expired.
    Expired,
    /// The body of its response failed.
    Failed,
}

impl Outcome {
    /// The word on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Disconnected => "disconnected",
            Outcome::Interrupted => "interrupted",
            Outcome::Panicked => "panicked",
            Outcome::Preempted => "preempted",
            Outcome::Rejected => "rejected",
            Outcome::Expired => "expired",
            Outcome::Failed => "failed",
        }
    }

    /// All outcomes, in display order.
    pub(crate) const ALL: [Outcome; 8] = [
        Outcome::Completed,
        Outcome::Disconnected,
        Outcome::Interrupted,
        Outcome::Panicked,
        Outcome::Preempted,
        Outcome::Rejected,
        Outcome::Expired,
        Outcome::Failed,
    ];

    /// The index in [`ALL`](Self::ALL) plus one; zero stands for no outcome yet.
    #[inline]
    pub(crate) const fn ordinal(self) -> u8 {
        (self as u8).wrapping_add(1)
    }
}

/// The first digit of a status: 1 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusClass(u8);

impl StatusClass {
    /// The class of `status`, `None` from 600 up, which HTTP does not define.
    #[inline]
    pub(crate) fn from_status(status: StatusCode) -> Option<Self> {
        let digit = u8::try_from(status.as_u16() / 100).ok()?;
        (1..=5).contains(&digit).then_some(StatusClass(digit))
    }

    /// The class of statuses with this first digit.
    pub(crate) const fn from_digit(digit: u8) -> Self {
        StatusClass(digit)
    }

    /// Number of classes.
    pub(super) const COUNT: usize = 5;

    /// Index of its counter.
    #[inline]
    pub(super) fn index(self) -> usize {
        usize::from(self.0).wrapping_sub(1)
    }
}

/// Counts of ended tasks. Each task is in `outcomes` once, and in `statuses` if it was answered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Tasks that continue on another route, and count there.
    retracted: u64,
    outcomes: [u64; Outcome::ALL.len()],
    statuses: [u64; StatusClass::COUNT],
    /// Number of answers of handlers.
    answers: u64,
    /// Sum of their response times. Ten thousand long polls would overflow 64 bits in three weeks.
    answer_nanos: u128,
}

impl Counts {
    /// The counts of a shard. `answer_nanos` covers each task that ended with its handler's answer.
    pub(super) fn new(
        retracted: u64,
        outcomes: [u64; Outcome::ALL.len()],
        statuses: [u64; StatusClass::COUNT],
        answer_nanos: u128,
    ) -> Self {
        let completed = outcomes.get(Outcome::Completed as usize);
        Counts {
            retracted,
            answers: completed.copied().unwrap_or(0),
            outcomes,
            statuses,
            answer_nanos,
        }
    }

    /// Adds the counts of `other`.
    pub(crate) fn add(&mut self, other: &Counts) {
        let outcomes = self.outcomes.iter_mut().zip(other.outcomes);
        let statuses = self.statuses.iter_mut().zip(other.statuses);
        outcomes
            .chain(statuses)
            .for_each(|(mine, theirs)| *mine = mine.wrapping_add(theirs));
        self.retracted = self.retracted.wrapping_add(other.retracted);
        self.answers = self.answers.wrapping_add(other.answers);
        self.answer_nanos = self.answer_nanos.wrapping_add(other.answer_nanos);
    }

    pub(crate) fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome as usize).copied().unwrap_or(0)
    }

    pub(crate) fn status(&self, class: StatusClass) -> u64 {
        self.statuses.get(class.index()).copied().unwrap_or(0)
    }

    /// Number of answers in [`answer_time`](Self::answer_time).
    pub(crate) fn answers(&self) -> u64 {
        self.answers
    }

    /// Sum of the response times.
    pub(crate) fn answer_time(&self) -> Duration {
        const SECOND: u128 = 1_000_000_000;
        let seconds = u64::try_from(self.answer_nanos / SECOND).unwrap_or(u64::MAX);
        Duration::new(
            seconds,
            u32::try_from(self.answer_nanos % SECOND).unwrap_or(0),
        )
    }

    /// Number of ended tasks.
    pub(crate) fn total(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Number of begun tasks that are not active: ended, or continued on another route.
    pub(super) fn gone(&self) -> u64 {
        self.total().wrapping_add(self.retracted)
    }
}

/// The counts of a route at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StatsSnapshot {
    /// Number of tasks that have begun and not ended.
    pub(crate) active: u64,
    /// Counts of the tasks that have ended.
    pub(crate) ended: Counts,
}

impl StatsSnapshot {
    /// Number of tasks that have begun.
    pub(crate) fn total(&self) -> u64 {
        self.active.saturating_add(self.ended.total())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_by_outcome_and_class() {
        let counts = Counts::new(3, [2, 1, 1, 1, 1, 1, 1, 1], [0, 1, 0, 6, 0], 0);
        let mut twice = counts;
        twice.add(&counts);
        assert_eq!(twice.total(), 18);
        assert_eq!(twice.gone(), 24);
        assert_eq!(twice.outcome(Outcome::Completed), 4);
        assert_eq!(twice.status(StatusClass::from_digit(4)), 12);
        assert_eq!(twice.status(StatusClass::from_digit(5)), 0);
    }

    #[test]
    fn response_times_add_up_beyond_64_bits_of_nanoseconds() {
        let once = u128::from(u64::MAX) + 1_000_000_001;
        let counts = Counts::new(0, [2, 0, 0, 0, 0, 0, 0, 0], [0; StatusClass::COUNT], once);
        let mut twice = counts;
        twice.add(&counts);
        assert_eq!(twice.answers(), 4);
        let once = Duration::from_nanos(u64::MAX) + Duration::from_nanos(1_000_000_001);
        assert_eq!(twice.answer_time(), 2 * once);
    }

    #[test]
    fn an_undefined_status_has_no_class() {
        let odd = StatusCode::from_u16(999).expect("http takes three digits");
        assert_eq!(StatusClass::from_status(odd), None);
    }
}

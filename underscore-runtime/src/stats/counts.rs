//! How tasks ended, counted by outcome and by the class of the status they were answered with.

use std::time::Duration;

use axum::http::StatusCode;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The handler gave its answer.
    Completed,
    /// The task was dropped before it had an answer: its client left, or a timeout of the app gave up.
    Disconnected,
    /// An operator ended it.
    Interrupted,
    /// The handler panicked.
    Panicked,
    /// It was answered before the handler ran, as an operator had said.
    Preempted,
    /// It was refused before the handler ran, for a limit was reached.
    Rejected,
    /// Its time was up.
    Expired,
    /// The body of its response failed midway.
    Failed,
}

impl Outcome {
    /// All of them, in the order in which they are shown.
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

    /// One more than its place there, so that a zero is left to say that there is none yet.
    #[inline]
    pub(crate) const fn ordinal(self) -> u8 {
        (self as u8).wrapping_add(1)
    }
}

/// The first digit of a status, 1 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusClass(u8);

impl StatusClass {
    /// The class of `status`; statuses of 600 and above, which HTTP does not define, have none.
    #[inline]
    pub(crate) fn from_status(status: StatusCode) -> Option<Self> {
        let digit = u8::try_from(status.as_u16() / 100).ok()?;
        (1..=5).contains(&digit).then_some(StatusClass(digit))
    }

    /// The class of the statuses that begin with `digit`.
    pub(crate) const fn from_digit(digit: u8) -> Self {
        StatusClass(digit)
    }

    /// How many classes there are.
    pub(super) const COUNT: usize = 5;

    /// Its index among the counters.
    #[inline]
    pub(super) fn index(self) -> usize {
        usize::from(self.0).wrapping_sub(1)
    }
}

/// Ends of tasks. Each task is in `outcomes` once, and in `statuses` if it was answered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    outcomes: [u64; Outcome::ALL.len()],
    statuses: [u64; StatusClass::COUNT],
    /// Answers of handlers.
    answers: u64,
    /// The time until each of them, added up. Ten thousand long polls would fill 64 bits in three weeks.
    answer_nanos: u128,
}

impl Counts {
    /// What a shard counted. Each task that ended with the handler's answer is one whose time was
    /// counted.
    pub(super) fn new(
        outcomes: [u64; Outcome::ALL.len()],
        statuses: [u64; StatusClass::COUNT],
        answer_nanos: u128,
    ) -> Self {
        let completed = outcomes.get(Outcome::Completed as usize);
        Counts {
            answers: completed.copied().unwrap_or(0),
            outcomes,
            statuses,
            answer_nanos,
        }
    }

    /// Adds what `other` counted.
    pub(crate) fn add(&mut self, other: &Counts) {
        let outcomes = self.outcomes.iter_mut().zip(other.outcomes);
        let statuses = self.statuses.iter_mut().zip(other.statuses);
        outcomes
            .chain(statuses)
            .for_each(|(mine, theirs)| *mine = mine.wrapping_add(theirs));
        self.answers = self.answers.wrapping_add(other.answers);
        self.answer_nanos = self.answer_nanos.wrapping_add(other.answer_nanos);
    }

    pub(crate) fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome as usize).copied().unwrap_or(0)
    }

    pub(crate) fn status(&self, class: StatusClass) -> u64 {
        self.statuses.get(class.index()).copied().unwrap_or(0)
    }

    /// The answers whose time was counted.
    pub(crate) fn answers(&self) -> u64 {
        self.answers
    }

    /// The time until each of those answers, added up.
    pub(crate) fn answer_time(&self) -> Duration {
        const SECOND: u128 = 1_000_000_000;
        let seconds = u64::try_from(self.answer_nanos / SECOND).unwrap_or(u64::MAX);
        Duration::new(
            seconds,
            u32::try_from(self.answer_nanos % SECOND).unwrap_or(0),
        )
    }

    /// All ends.
    pub(crate) fn total(&self) -> u64 {
        self.outcomes.iter().sum()
    }
}

/// A route's counts at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StatsSnapshot {
    /// Tasks that live now.
    pub(crate) active: u64,
    /// The ends of those that do not.
    pub(crate) ended: Counts,
}

impl StatsSnapshot {
    /// All tasks there ever were.
    pub(crate) fn total(&self) -> u64 {
        self.active.saturating_add(self.ended.total())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_add_up_to_their_classes() {
        let counts = Counts::new([2, 1, 1, 1, 1, 1, 1, 1], [0, 1, 0, 6, 0], 0);
        let mut twice = counts;
        twice.add(&counts);
        assert_eq!(twice.total(), 18);
        assert_eq!(twice.outcome(Outcome::Completed), 4);
        assert_eq!(twice.status(StatusClass::from_digit(4)), 12);
        assert_eq!(twice.status(StatusClass::from_digit(5)), 0);
    }

    #[test]
    fn times_add_up_past_64_bits_of_nanoseconds() {
        let once = u128::from(u64::MAX) + 1_000_000_001;
        let counts = Counts::new([2, 0, 0, 0, 0, 0, 0, 0], [0; StatusClass::COUNT], once);
        let mut twice = counts;
        twice.add(&counts);
        assert_eq!(twice.answers(), 4);
        let once = Duration::from_nanos(u64::MAX) + Duration::from_nanos(1_000_000_001);
        assert_eq!(twice.answer_time(), 2 * once);
    }

    #[test]
    fn a_status_that_http_does_not_define_has_no_class() {
        let odd = StatusCode::from_u16(999).expect("http takes three digits");
        assert_eq!(StatusClass::from_status(odd), None);
    }
}

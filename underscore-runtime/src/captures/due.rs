//! When a capture is due: at a new red finding, within the limits.

use std::time::Duration;

use crate::clock::Instant;
use crate::health::{Finding, Identity, Symptom};

/// The time that the limit counts in, and after which a finding that was gone is a new one.
const WINDOW: Duration = Duration::from_secs(3600);

/// Minimum time between two captures: what goes wrong together is one incident.
const GAP: Duration = Duration::from_secs(10);

/// The findings that have been captured, and the captures of the last hour.
#[derive(Debug)]
pub(super) struct Due {
    max_per_hour: u32,
    /// The findings that are in a capture, with the last look at which each was red.
    captured: Vec<(Identity, Instant)>,
    /// The begins of the captures of the last hour, the oldest first.
    begun: Vec<Instant>,
    is_in_progress: bool,
}

impl Due {
    pub(super) fn new(max_per_hour: u32) -> Self {
        Due {
            max_per_hour,
            captured: Vec::new(),
            begun: Vec::new(),
            is_in_progress: false,
        }
    }

    /// Takes the red findings of a look, the worst first. Returns the one to be captured now.
    pub(super) fn take<'a>(&mut self, red: &'a [Finding], now: Instant) -> Option<&'a Finding> {
        self.captured.retain(|(identity, last)| {
            let is_red = red.iter().any(|finding| finding.identity() == *identity);
            is_red || now.since(*last) < WINDOW
        });
        self.begun.retain(|begun| now.since(*begun) < WINDOW);
        for (identity, last) in &mut self.captured {
            if red.iter().any(|finding| finding.identity() == *identity) {
                *last = now;
            }
        }
        let is_new = |finding: &&Finding| !self.is_captured(finding);
        let new: Vec<&Finding> = red.iter().filter(is_new).collect();
        let worst = *new.first()?;
        if !self.is_in_progress && self.must_wait(worst, now) {
            return None;
        }
        // A finding that appears during a capture is in its second file.
        let new = new.into_iter().map(|finding| (finding.identity(), now));
        self.captured.extend(new);
        if self.is_in_progress {
            return None;
        }
        self.is_in_progress = true;
        self.begun.push(now);
        Some(worst)
    }

    /// Records that the capture has ended, whether or not it was written.
    pub(super) fn end(&mut self) {
        self.is_in_progress = false;
    }

    /// True if the limits allow no capture of a finding now.
    fn must_wait(&self, worst: &Finding, now: Instant) -> bool {
        let is_full = self.begun.len() >= self.max_per_hour as usize;
        let is_recent = |begun: &Instant| now.since(*begun) < GAP;
        // The process may be killed before the gap is over.
        let is_urgent = worst.symptom() == Symptom::AllWorkersBlocked;
        is_full || (self.begun.last().is_some_and(is_recent) && !is_urgent)
    }

    fn is_captured(&self, finding: &Finding) -> bool {
        let identity = finding.identity();
        self.captured
            .iter()
            .any(|(captured, _)| *captured == identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(7_200_000_000_000).after(Duration::from_secs(seconds))
    }

    fn red(symptom: Symptom, subject: usize) -> Finding {
        Finding::for_test(symptom, subject)
    }

    /// Takes findings and ends the capture at once.
    fn is_due(due: &mut Due, red: &[Finding], second: u64) -> bool {
        let is_due = due.take(red, at(second)).is_some();
        due.end();
        is_due
    }

    /// Holds 19.12 of docs/admin-api.md.
    #[test]
    fn a_cause_is_captured_once_while_it_lasts_and_for_an_hour() {
        let mut due = Due::new(4);
        let deadlock = [red(Symptom::Deadlock, 1)];
        assert!(is_due(&mut due, &deadlock, 0));
        for second in 1..2 * 3600 {
            assert!(!is_due(&mut due, &deadlock, second), "it lasts: {second}");
        }
        assert!(!is_due(&mut due, &[], 2 * 3600));
        assert!(!is_due(&mut due, &deadlock, 2 * 3600 + 1800), "it is back");
        assert!(!is_due(&mut due, &[], 3 * 3600 + 1801));
        assert!(!is_due(&mut due, &[], 4 * 3600));
        assert!(is_due(&mut due, &deadlock, 4 * 3600 + 1), "it is a new one");
    }

    /// Holds 19.12 of docs/admin-api.md.
    #[test]
    fn captures_of_an_hour_are_limited_and_made_up_for() {
        let mut due = Due::new(2);
        let causes: Vec<Finding> = (0..3).map(|route| red(Symptom::Stuck, route)).collect();
        assert!(is_due(&mut due, &causes[..1], 0));
        assert!(is_due(&mut due, &causes[..2], 60));
        assert!(!is_due(&mut due, &causes, 120), "the third of an hour");
        assert!(
            is_due(&mut due, &causes, 3600),
            "it lasts, and there is room"
        );
    }

    /// Holds 19.12 of docs/admin-api.md.
    #[test]
    fn a_stampede_of_findings_is_one_capture() {
        let mut due = Due::new(4);
        let many: Vec<Finding> = (0..50).map(|route| red(Symptom::Failing, route)).collect();
        assert!(due.take(&many[..20], at(0)).is_some());
        assert!(due.take(&many[..30], at(1)).is_none(), "it is in progress");
        due.end();
        assert!(!is_due(&mut due, &many[..30], 2), "they are in it");
        assert!(!is_due(&mut due, &many, 9), "too soon");
        assert!(is_due(&mut due, &many, 10));
        let blocked = [red(Symptom::AllWorkersBlocked, 1)];
        assert!(is_due(&mut due, &blocked, 11), "this does not wait");
    }
}

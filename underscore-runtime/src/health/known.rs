//! The findings from look to look: since when each exists, and whether it has been seen for long
//! enough to be red.

use std::cmp::Reverse;
use std::time::Duration;

use super::finding::{Finding, Identity, Status};
use crate::clock::Instant;

/// Minimum time between the first look that sees a finding and the one that shows it as red: a
/// single look may hit a moment that is over in the next.
const CONFIRMED_AFTER: Duration = Duration::from_secs(1);

/// Maximum number of findings. There are some for each route at most, and a person reads the first
/// few.
const MAX_FINDINGS: usize = 100;

/// The findings of the last look, the worst first.
#[derive(Debug, Default)]
pub(super) struct Known {
    findings: Vec<Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    finding: Finding,
    /// The first of the consecutive looks that have seen it.
    first: Instant,
}

impl Known {
    /// Takes the findings of a look.
    pub(super) fn update(&mut self, found: Vec<Finding>, now: Instant) {
        let before = std::mem::take(&mut self.findings);
        let seen = found.into_iter().map(|mut finding| {
            let known = before.iter();
            let mut known = known.filter(|known| known.finding.identity == finding.identity);
            let first = match known.next() {
                Some(known) => {
                    finding.since = finding.since.min(known.finding.since);
                    known.first
                }
                None => now,
            };
            if now.since(first) < CONFIRMED_AFTER {
                finding.status = finding.status.min(Status::Yellow);
            }
            Seen { finding, first }
        });
        self.findings = seen.collect();
        self.findings.sort_by_key(|Seen { finding, .. }| {
            let worst = Reverse(finding.status);
            (
                worst,
                finding.symptom(),
                Reverse(finding.affected),
                finding.since,
            )
        });
        self.findings.truncate(MAX_FINDINGS);
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().map(|seen| &seen.finding)
    }

    /// The status of the worst finding.
    pub(super) fn status(&self) -> Status {
        let worst = self.findings().map(|finding| finding.status).max();
        worst.unwrap_or_default()
    }

    pub(super) fn identities(&self) -> Vec<Identity> {
        self.findings().map(|finding| finding.identity).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Symptom;
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(3_600_000_000_000).after(Duration::from_millis(millis))
    }

    fn red(subject: usize, since: Instant) -> Finding {
        let finding = Finding::new(Symptom::Deadlock, [subject, 0], "x", since);
        finding.with_status(Status::Red)
    }

    /// Holds 14.4 of docs/admin-api.md.
    #[test]
    fn a_finding_is_red_after_two_looks_that_are_a_second_apart() {
        let mut known = Known::default();
        for (millis, status) in [
            (0, Status::Yellow),
            (5, Status::Yellow),
            (999, Status::Yellow),
            (1_000, Status::Red),
        ] {
            known.update(vec![red(1, at(0))], at(millis));
            assert_eq!(known.status(), status, "after {millis} ms");
        }
        known.update(Vec::new(), at(1_100));
        assert_eq!(known.status(), Status::Green);
        known.update(vec![red(1, at(0))], at(2_200));
        assert_eq!(known.status(), Status::Yellow, "it is another one");
    }

    /// Holds 14.5 of docs/admin-api.md.
    #[test]
    fn a_finding_keeps_its_begin_and_the_worst_is_first() {
        let mut known = Known::default();
        known.update(vec![red(1, at(500))], at(600));
        let yellow = Finding::new(Symptom::AllWorkersBlocked, [0; 2], "y", at(0));
        known.update(vec![yellow, red(1, at(1_500))], at(1_700));
        let shown: Vec<(&str, Instant)> = known
            .findings()
            .map(|finding| (&*finding.subject, finding.since))
            .collect();
        assert_eq!(shown, [("x", at(500)), ("y", at(0))]);
    }

    #[test]
    fn the_number_of_findings_is_bounded() {
        let mut known = Known::default();
        let found = (0..10 * MAX_FINDINGS).map(|subject| red(subject, at(0)));
        known.update(found.collect(), at(1));
        assert_eq!(known.findings().count(), MAX_FINDINGS);
    }
}

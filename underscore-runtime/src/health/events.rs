//! Events, also of the host's log, when the findings change.

use std::time::Duration;

use super::finding::{Finding, Identity, Status};
use super::known::Known;
use crate::clock::Instant;
use crate::events::{self, EventType, NewEvent};
use crate::log::{self, field_text};

/// Minimum time between two events, except for one with a worse status.
const WRITE_EVERY: Duration = Duration::from_secs(10);

/// The state of which the log knows.
#[derive(Debug, Default)]
pub(super) struct Events {
    status: Status,
    findings: Vec<Identity>,
    written: Option<Instant>,
}

impl Events {
    /// Writes an event if the findings have changed since the last one.
    pub(super) fn update(&mut self, known: &Known, now: Instant) {
        let (status, findings) = (known.status(), known.identities());
        if !self.is_due(status, &findings, now) {
            return;
        }
        let is_new = |identity: &&Identity| !self.findings.contains(identity);
        let is_over = |identity: &&Identity| !findings.contains(identity);
        let appeared = findings.iter().filter(is_new).count();
        let resolved = self.findings.iter().filter(is_over).count();
        let changes = [findings.len(), appeared, resolved];
        write(status, changes, known.findings().next().cloned(), now);
        (self.status, self.findings, self.written) = (status, findings, Some(now));
    }

    fn is_due(&self, status: Status, findings: &[Identity], now: Instant) -> bool {
        let is_known = |identity: &Identity| self.findings.contains(identity);
        let is_same = findings.len() == self.findings.len() && findings.iter().all(is_known);
        if is_same && status == self.status {
            return false;
        }
        let is_recent = |written| now.since(written) < WRITE_EVERY;
        status > self.status || !self.written.is_some_and(is_recent)
    }
}

fn write(status: Status, changes: [usize; 3], worst: Option<Finding>, now: Instant) {
    events::publish(event(status, changes, worst.as_ref(), now));
    log::write(move || {
        let [findings, appeared, resolved] = changes;
        let since = worst
            .as_ref()
            .map(|worst| now.since(worst.since).as_millis());
        let since_ms = since.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX));
        // The level of an event is a constant.
        macro_rules! event {
            ($level:ident) => {
                tracing::$level!(
                    target: "underscore::health",
                    status = status.word(),
                    symptom = worst.as_ref().map(|worst| worst.symptom().words()),
                    subject = worst.as_ref().map(|worst| field_text(&worst.subject)),
                    since_ms,
                    evidence = worst.as_ref().map(|worst| field_text(&worst.evidence)),
                    next = worst.as_ref().map(|worst| &*worst.next),
                    findings,
                    appeared,
                    resolved,
                    "the health of the service has changed"
                )
            };
        }
        match status {
            Status::Red => event!(error),
            Status::Yellow => event!(warn),
            Status::Green => event!(info),
        }
    });
}

fn event(
    status: Status,
    [findings, appeared, resolved]: [usize; 3],
    worst: Option<&Finding>,
    now: Instant,
) -> NewEvent {
    let event = NewEvent::new(EventType::Health).word("status", status.word());
    let event = match worst {
        None => event,
        Some(worst) => event
            .with_routes(&worst.routes)
            .word("symptom", worst.symptom().words())
            .text("subject", Some(&worst.subject))
            .duration("since", Some(now.since(worst.since)))
            .text("evidence", Some(&worst.evidence))
            .text("next", Some(&worst.next)),
    };
    event
        .count("findings", findings)
        .count("appeared", appeared)
        .count("resolved", resolved)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Symptom;
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(3_600_000_000_000).after(Duration::from_secs(seconds))
    }

    /// Holds 14.21 of docs/admin-api.md.
    #[test]
    fn a_change_is_one_event_and_only_a_worse_status_follows_soon() {
        let (mut known, mut events) = (Known::default(), Events::default());
        let mut is_written = |symptoms: &[(Symptom, Status)], second| {
            let found = symptoms.iter().map(|(symptom, status)| {
                Finding::new(*symptom, [0; 2], "x", at(0)).with_status(*status)
            });
            known.update(found.collect(), at(second));
            let due = events.is_due(known.status(), &known.identities(), at(second));
            events.update(&known, at(second));
            due
        };
        let drain = (Symptom::Drain, Status::Yellow);
        let deadlock = (Symptom::Deadlock, Status::Red);
        assert!(!is_written(&[], 0), "green from the start");
        assert!(is_written(&[drain], 1));
        assert!(!is_written(&[drain], 2), "the same");
        assert!(!is_written(&[drain, deadlock], 3), "too soon, and yellow");
        assert!(is_written(&[drain, deadlock], 4), "red");
        assert!(!is_written(&[], 5), "too soon");
        assert!(is_written(&[], 14));
        assert!(!is_written(&[], 100));
    }
}

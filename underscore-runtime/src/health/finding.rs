//! A finding: one thing that is wrong with the service.

use std::borrow::Cow;

use crate::clock::Instant;
use crate::routes::Route;
use crate::task::TaskId;
use crate::truncate;

/// Maximum length of the evidence and of the subject, in characters: both may contain text from
/// configuration and from the source.
const MAX_EVIDENCE: usize = 240;
const MAX_SUBJECT: usize = 80;

/// Maximum number of tasks and routes that a finding names.
const MAX_NAMED: usize = 100;

/// The status of the service, or of a finding. The order is that of severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    #[default]
    Green,
    Yellow,
    Red,
}

/// The kind of a finding. The order is that in which findings of one status are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Symptom {
    AllWorkersBlocked,
    Deadlock,
    BlockedWorker,
    Descriptors,
    BlockingPool,
    Stuck,
    Failing,
    Slow,
    Leaving,
    Shed,
    SettingsFile,
    StuckDrain,
    Drain,
}

/// The rule that finds a symptom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    /// The state in which the rule finds nothing.
    pub(crate) healthy: &'static str,
    /// What is at stake while it finds something.
    pub(crate) impact: &'static str,
}

/// Identifies a finding from look to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    symptom: Symptom,
    /// The addresses of a route and an await point, or the number of a runtime.
    subject: [usize; 2],
}

/// Something that is wrong, as a rule has found it or as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(super) identity: Identity,
    pub(crate) status: Status,
    pub(crate) subject: String,
    pub(crate) since: Instant,
    pub(crate) evidence: String,
    /// A request to the admin API that shows more or is the cure, as in `GET /_cat/workers?v`.
    pub(crate) next: Cow<'static, str>,
    /// Number of affected tasks, requests, connections or descriptors.
    pub(crate) affected: u64,
    /// Some of the affected tasks.
    pub(crate) tasks: Vec<TaskId>,
    pub(crate) routes: Vec<&'static Route>,
}

impl Status {
    /// The word on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Status::Green => "green",
            Status::Yellow => "yellow",
            Status::Red => "red",
        }
    }
}

impl Symptom {
    /// All symptoms.
    pub(crate) const ALL: [Symptom; 13] = [
        Symptom::AllWorkersBlocked,
        Symptom::Deadlock,
        Symptom::BlockedWorker,
        Symptom::Descriptors,
        Symptom::BlockingPool,
        Symptom::Stuck,
        Symptom::Failing,
        Symptom::Slow,
        Symptom::Leaving,
        Symptom::Shed,
        Symptom::SettingsFile,
        Symptom::StuckDrain,
        Symptom::Drain,
    ];

    /// The words on the wire.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Symptom::AllWorkersBlocked => "all workers blocked",
            Symptom::Deadlock => "deadlock",
            Symptom::BlockedWorker => "blocked worker",
            Symptom::Descriptors => "descriptors",
            Symptom::BlockingPool => "blocking pool",
            Symptom::Stuck => "stuck",
            Symptom::Failing => "failing",
            Symptom::Slow => "slow",
            Symptom::Leaving => "leaving",
            Symptom::Shed => "shed",
            Symptom::SettingsFile => "settings file",
            Symptom::StuckDrain => "stuck drain",
            Symptom::Drain => "drain",
        }
    }

    /// Its rule.
    pub(crate) fn rule(self) -> Rule {
        let (id, healthy, impact) = match self {
            Symptom::AllWorkersBlocked | Symptom::BlockedWorker => (
                "workers",
                "no worker is blocked inside one poll",
                "tasks on the worker's queue wait; if all workers are blocked, nothing is served",
            ),
            Symptom::Deadlock => (
                "deadlock",
                "no requests are known to wait for each other",
                "the requests never end by themselves, and neither do those that wait for what they hold",
            ),
            Symptom::Descriptors => (
                "descriptors",
                "enough file descriptors are free",
                "without a descriptor, no connection is accepted and no file is opened",
            ),
            Symptom::BlockingPool => (
                "blocking_pool",
                "calls of spawn_blocking get a thread",
                "blocking work does not begin, and neither does what waits for it",
            ),
            Symptom::Stuck => (
                "stuck",
                "requests pass the awaits that they wait at",
                "requests wait for something that probably does not answer",
            ),
            Symptom::Failing => (
                "failing",
                "no route fails far more often than before",
                "clients get errors",
            ),
            Symptom::Slow => (
                "slow",
                "no route is far slower than before",
                "clients wait for longer than usual",
            ),
            Symptom::Leaving => (
                "leaving",
                "clients do not leave far more often than before",
                "clients give up before they are answered",
            ),
            Symptom::Shed => (
                "shed",
                "no setting refuses requests",
                "clients are refused before the handler runs",
            ),
            Symptom::SettingsFile => (
                "settings_file",
                "the settings file is in force, or there is none",
                "the settings in force are not those in the file",
            ),
            Symptom::StuckDrain | Symptom::Drain => (
                "drain",
                "no drain is under way",
                "no connection is accepted; the process ends when the last one is closed",
            ),
        };
        Rule {
            id,
            healthy,
            impact,
        }
    }
}

impl Finding {
    /// A yellow finding without affected tasks and routes. `subject` identifies it among those with
    /// the same symptom, `name` is shown for it.
    pub(super) fn new(symptom: Symptom, subject: [usize; 2], name: &str, since: Instant) -> Self {
        Finding {
            identity: Identity { symptom, subject },
            status: Status::Yellow,
            subject: truncate::to_chars(name, MAX_SUBJECT).into_owned(),
            since,
            evidence: String::new(),
            next: Cow::Borrowed("GET /"),
            affected: 0,
            tasks: Vec::new(),
            routes: Vec::new(),
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// A red finding, for tests of other modules.
    #[cfg(test)]
    pub(crate) fn for_test(symptom: Symptom, subject: usize) -> Self {
        let finding = Finding::new(symptom, [subject, 0], "x", Instant::now());
        finding.with_status(Status::Red)
    }

    pub(crate) fn symptom(&self) -> Symptom {
        self.identity.symptom
    }

    pub(super) fn with_status(self, status: Status) -> Self {
        Finding { status, ..self }
    }

    pub(super) fn with_evidence(self, evidence: &str) -> Self {
        Finding {
            evidence: truncate::to_chars(evidence, MAX_EVIDENCE).into_owned(),
            ..self
        }
    }

    pub(super) fn with_next(self, next: impl Into<Cow<'static, str>>) -> Self {
        Finding {
            next: next.into(),
            ..self
        }
    }

    pub(super) fn with_affected(self, affected: usize, tasks: &[TaskId]) -> Self {
        Finding {
            affected: u64::try_from(affected).unwrap_or(u64::MAX),
            tasks: tasks.iter().take(MAX_NAMED).copied().collect(),
            ..self
        }
    }

    pub(super) fn with_routes(self, routes: &[&'static Route]) -> Self {
        Finding {
            routes: routes.iter().take(MAX_NAMED).copied().collect(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_symptoms_are_listed_in_their_order() {
        assert!(Symptom::ALL.is_sorted());
        assert_eq!(Symptom::ALL.last(), Some(&Symptom::Drain));
        assert_eq!(Symptom::ALL.len(), Symptom::Drain as usize + 1);
    }

    /// Holds 14.6 of docs/admin-api.md.
    #[test]
    fn subject_and_evidence_have_a_bounded_length() {
        let long = "é".repeat(10_000);
        let finding = Finding::new(Symptom::Drain, [0; 2], &long, Instant::now());
        let finding = finding.with_evidence(&long);
        assert_eq!(finding.subject.chars().count(), MAX_SUBJECT + 1);
        assert_eq!(finding.evidence.chars().count(), MAX_EVIDENCE + 1);
    }
}

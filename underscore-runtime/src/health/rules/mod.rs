//! The rules, a file for each with its thresholds. They read what the process counts anyway, so
//! that a look costs little; `docs/health.md` lists the thresholds.

mod blocked_workers;
mod blocking_pool;
mod deadlock;
mod descriptors;
mod drain;
mod look;
mod routes;
mod settings_file;
mod shed;
mod stuck;

pub(super) use deadlock::DeadlockLook;

use super::finding::Finding;
use super::traffic::Traffic;
use crate::clock::Instant;
use look::Look;

/// The rules, with what they remember from look to look.
#[derive(Debug)]
pub(super) struct Rules {
    traffic: Traffic,
    workers: blocked_workers::BlockingTasks,
    deadlocks: deadlock::Deadlocks,
    stuck: stuck::Candidates,
    descriptors: descriptors::LastReading,
}

impl Rules {
    pub(super) fn new(now: Instant) -> Self {
        Rules {
            traffic: Traffic::new(now),
            workers: blocked_workers::BlockingTasks::default(),
            deadlocks: deadlock::Deadlocks::default(),
            stuck: stuck::Candidates::default(),
            descriptors: descriptors::LastReading::default(),
        }
    }

    /// Reads a part of what looks need.
    pub(super) fn tick(&mut self, now: Instant) {
        self.traffic.tick(now);
    }

    /// Reads all that looks need, for an answer.
    pub(super) fn refresh(&mut self, deadlocks: DeadlockLook, now: Instant) {
        self.traffic.read_all(now);
        self.descriptors.expire();
        self.deadlocks.update(deadlocks);
    }

    /// Forgets what consecutive looks have seen.
    pub(super) fn forget(&mut self) {
        self.stuck = stuck::Candidates::default();
        self.deadlocks = deadlock::Deadlocks::default();
    }

    /// Applies all rules.
    pub(super) fn look(&mut self, now: Instant) -> Vec<Finding> {
        let mut look = Look::new(now);
        self.workers.look(&mut look);
        self.deadlocks.look(&mut look);
        blocking_pool::look(&mut look);
        self.stuck.look(&mut look, &mut self.traffic);
        for traffic in self.traffic.routes() {
            routes::look(&mut look, traffic);
            shed::look(&mut look, traffic);
        }
        settings_file::look(&mut look);
        self.descriptors.look(&mut look);
        drain::look(&mut look);
        look.found
    }
}

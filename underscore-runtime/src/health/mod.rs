//! What is wrong with the service: findings of a few rules, each with its evidence and the request
//! that shows more. The background thread looks about once a second, and each answer looks again.

mod events;
mod finding;
mod known;
mod names;
mod rules;
mod traffic;

use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use crate::clock::Instant;
use crate::sync::{AtomicCell, Mutex};
use events::Events;
pub(crate) use finding::{Finding, Identity, Rule, Status, Symptom};
use known::Known;
use rules::{DeadlockLook, Rules};

/// Time between two looks of the background thread.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Maximum time between two looks of which the second one confirms what the first has found. After
/// a longer gap, there was no admin API, or the process was stopped.
const LONGEST_GAP: Duration = Duration::from_secs(5);

/// The status at the last look, for readers that do not wait for the next one.
static STATUS: AtomicCell<Status> = AtomicCell::new(Status::Green);

static HEALTH: LazyLock<Mutex<Health>> = LazyLock::new(|| Mutex::new(Health::new(Instant::now())));

/// Called with the red findings of each look of the background thread, if there are any.
static ON_RED: OnceLock<fn(&[Finding], Instant)> = OnceLock::new();

/// The state between looks.
#[derive(Debug)]
struct Health {
    rules: Rules,
    known: Known,
    events: Events,
    looked: Option<Instant>,
    /// The last look of the background thread.
    looked_in_background: Option<Instant>,
}

/// The findings of a look, the worst first.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) status: Status,
    pub(crate) findings: Vec<Finding>,
    pub(crate) at: Instant,
}

/// Looks if it is time to. Called by the background thread at each tick.
pub(crate) fn tick(now: Instant) {
    let has_looked = HEALTH.lock().tick(now);
    if let Some(call) = ON_RED
        .get()
        .filter(|_| has_looked && status() == Status::Red)
    {
        let is_red = |finding: &&Finding| finding.status == Status::Red;
        let red: Vec<Finding> = HEALTH
            .lock()
            .known
            .findings()
            .filter(is_red)
            .cloned()
            .collect();
        // Without the lock.
        call(&red, now);
    }
}

/// Sets the function that is called with the red findings of each look, the worst first. The first
/// call wins.
pub(crate) fn on_red(call: fn(&[Finding], Instant)) {
    ON_RED.get_or_init(|| call);
}

/// Looks now, and returns what it has found.
pub(crate) fn report() -> Report {
    // Without the lock, for which the background thread waits: it walks over all tasks.
    let deadlocks = DeadlockLook::new();
    let mut health = HEALTH.lock();
    let now = Instant::now();
    health.rules.refresh(deadlocks, now);
    health.look(now);
    Report {
        status: health.known.status(),
        findings: health.known.findings().cloned().collect(),
        at: now,
    }
}

/// The status at the last look.
pub(crate) fn status() -> Status {
    STATUS.load()
}

impl Health {
    fn new(now: Instant) -> Self {
        Health {
            rules: Rules::new(now),
            known: Known::default(),
            events: Events::default(),
            looked: None,
            looked_in_background: None,
        }
    }

    /// True if it has looked.
    fn tick(&mut self, now: Instant) -> bool {
        self.rules.tick(now);
        let last = self.looked_in_background;
        if last.is_some_and(|last| now.since(last) < LOOK_EVERY) {
            return false;
        }
        self.looked_in_background = Some(now);
        self.look(now);
        self.events.update(&self.known, now);
        true
    }

    fn look(&mut self, now: Instant) {
        let last = self.looked.replace(now);
        if last.is_some_and(|last| now.since(last) > LONGEST_GAP) {
            self.rules.forget();
            self.known = Known::default();
        }
        let found = self.rules.look(now);
        self.known.update(found, now);
        STATUS.store(self.known.status());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::HandlerEntry;
    use crate::sampling;
    use crate::task::NewTask;
    use axum::http::{Method, StatusCode, Version};

    static ENTRY: HandlerEntry = HandlerEntry::new("test::health", file!(), line!(), column!());

    /// Holds 14.23 of docs/admin-api.md.
    #[test]
    fn a_look_does_not_walk_over_all_requests() {
        let route = ENTRY.route_of(&Method::GET, None);
        let slots: Vec<_> = (0..100_000)
            .map(|_| NewTask::request(route, Version::HTTP_11).begin())
            .collect();
        let mut now = Instant::now();
        let mut health = Health::new(now);
        let mut looks = Vec::new();
        for tick in 0..10 * 31 {
            now = now.after(Duration::from_millis(33));
            sampling::tick(now);
            let begun = Instant::now();
            health.tick(now);
            // A look is due at each thirty-first tick.
            if tick % 31 == 0 {
                looks.push(Instant::now().since(begun));
            }
        }
        looks.sort_unstable();
        // A walk over all requests takes several milliseconds in a test.
        assert!(looks[5] < Duration::from_millis(1), "{looks:?}");
        for slot in slots {
            slot.complete(StatusCode::OK);
        }
    }
}

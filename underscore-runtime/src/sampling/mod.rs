//! The sampler of tasks: at each tick of the background thread it looks at the requests in flight,
//! and learns where their time goes. Requests pay nothing for it; they only keep the record that
//! listings read, too.
//!
//! Its duties have fixed budgets for each tick, stated where they are defined. If there are more
//! requests than fit, it looks at a part of them, and the numbers say on how many looks they rest.

mod awaits;
mod crossing;
mod pass;
mod places;
pub(crate) mod profile;
mod queued;
mod waiting;
mod watch;

use std::sync::LazyLock;
use std::time::Duration;

use crate::clock::Instant;
use crate::ended;
use crate::sync::Mutex;
use crate::task::{Glance, TaskRef, TaskState};
pub(crate) use awaits::AwaitSummary;
use awaits::Awaits;
use crossing::Crossings;
use pass::{LastLook, Walk};
use places::{Place, Places};
use queued::Queued;
pub(crate) use queued::QueuedCalls;
pub(crate) use waiting::Waiting;
use watch::Watches;

/// The age from which requests are watched, as long as there is room.
const OLD: Duration = Duration::from_millis(100);

/// Maximum number of requests whose place a tick reads for the time of await points: about 0.1 ms,
/// 0.3 % of a core.
const SAMPLES: u64 = 256;

/// The same during a profile: 1.2 % of a core.
const PROFILE_SAMPLES: u64 = 1_024;

/// Maximum number of these that a tick begins to watch.
const WATCHED: u64 = 64;

static SAMPLER: LazyLock<Mutex<Sampler>> = LazyLock::new(|| Mutex::new(Sampler::new()));

/// The state between ticks.
#[derive(Debug)]
struct Sampler {
    walk: Walk,
    places: Places,
    watches: Watches,
    awaits: Awaits,
    crossings: Crossings,
    queued: Queued,
    /// Number of requests that the last tick found.
    found: u64,
    /// The second in which old records were last dropped.
    dropped: u64,
}

/// Looks at the requests in flight. Called by the background thread at each tick.
pub(crate) fn tick(now: Instant) {
    SAMPLER.lock().tick(now);
}

/// Completes the timelines of requests that have ended since the last tick.
pub(crate) fn settle() {
    SAMPLER.lock().look_at_watched(Instant::now());
}

/// The await points of the last minute.
pub(crate) fn awaits() -> Vec<AwaitSummary> {
    SAMPLER.lock().awaits.read(Instant::now())
}

/// The awaits at which watched requests have waited for at least `time`.
pub(crate) fn waiting(time: Duration, now: Instant) -> Vec<Waiting> {
    let sampler = SAMPLER.lock();
    let waiters = sampler.watches.waiting(time, now);
    waiting::group(waiters, &sampler.awaits)
}

/// True if a watched request that holds a guard, or waits for a lock, was not polled for `time`.
pub(crate) fn stands_still_with_locks(time: Duration, now: Instant) -> bool {
    SAMPLER.lock().watches.stands_still_with_locks(time, now)
}

/// The calls of `spawn_blocking` that wait for a thread.
pub(crate) fn queued_calls() -> Option<QueuedCalls> {
    SAMPLER.lock().queued.calls()
}

/// True if more requests may wait than are watched.
pub(crate) fn is_full() -> bool {
    !SAMPLER.lock().watches.has_room_for_old()
}

impl Sampler {
    fn new() -> Self {
        Sampler {
            walk: Walk::default(),
            places: Places::default(),
            watches: Watches::default(),
            awaits: Awaits::default(),
            crossings: Crossings::new(),
            queued: Queued::default(),
            found: 0,
            dropped: 0,
        }
    }

    fn look_at_watched(&mut self, now: Instant) {
        self.watches.look(now, &mut self.places, &mut self.awaits);
    }

    fn tick(&mut self, now: Instant) {
        self.look_at_watched(now);
        let Sampler {
            walk,
            places,
            watches,
            awaits,
            crossings,
            queued,
            found,
            ..
        } = self;
        let most = if profile::is_active() {
            PROFILE_SAMPLES
        } else {
            SAMPLES
        };
        // Every n-th request, from a position that differs from tick to tick.
        let every = found.div_ceil(most).max(1);
        let mut left = now.nanos().checked_rem(every).unwrap_or_default();
        let (mut sampled, mut watched) = (0_u64, 0_u64);
        let each = |task: TaskRef, last_look: LastLook| {
            crossings.check(&task, last_look.since, now);
            if now.since(task.started) >= OLD && watches.has_room_for_old() {
                watches.add_old(task, now, places);
            }
            if let Some(less) = left.checked_sub(1) {
                left = less;
                return;
            }
            left = every.saturating_sub(1);
            // A burst since the last tick.
            let is_in_budget = sampled < most.saturating_mul(2);
            let is_usable = is_in_budget && last_look.is_continuous;
            let Some(since) = last_look.since.filter(|_| is_usable) else {
                return;
            };
            sampled = sampled.saturating_add(1);
            let time = since.saturating_mul(u32::try_from(every).unwrap_or(u32::MAX));
            let place = sample(task, time, now, places, awaits);
            if let Some((glance, place)) = place.filter(|_| watched < WATCHED) {
                watched = watched.saturating_add(1);
                watches.add_sampled(task, glance, place, now);
            }
        };
        let extent = walk.run(now, each, |task| queued.add(&task));
        if extent.is_complete {
            queued.end_pass();
        }
        profile::end_of_tick(&profile::Tick {
            at: now,
            requests_seen: extent.found,
            requests_sampled: sampled,
            ends_a_pass: extent.is_complete,
            is_continuous: extent.is_continuous,
        });
        self.found = extent.found;
        self.crossings.flush(now);
        self.awaits.clean(now);
        let second = now.second();
        if second.saturating_sub(self.dropped) >= 10 {
            self.dropped = second;
            ended::drop_old(now);
        }
    }
}

/// Adds one look at a request, which stands for `time` of all requests. Returns what it has seen.
fn sample(
    task: TaskRef,
    time: Duration,
    now: Instant,
    places: &mut Places,
    awaits: &mut Awaits,
) -> Option<(Glance, Place)> {
    let (route, glance) = (task.own_route()?, task.glance()?);
    if glance.state == TaskState::Streaming && glance.awaits_client {
        // Neither the service nor what it calls takes that time.
        return None;
    }
    let place = places.find(&task, route);
    if task.is_gone() {
        // Its place may be that of no task.
        return None;
    }
    let is_running = glance.state == TaskState::Running;
    awaits.add(route, &place, is_running, time, now);
    if profile::is_active() {
        profile::add(&profile::Sample {
            route,
            is_running,
            paths: &place,
            time,
        });
    }
    Some((glance, place))
}

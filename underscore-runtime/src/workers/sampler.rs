//! The sampler: a thread that keeps the coarse clock, and looks at what every worker says of itself. It
//! dates what workers only mark, so that a poll reads no clock, and finds those that do not come back.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::identify::{Unidentified, assume};
use super::report::{Reports, Stalled};
use super::{blocked_after, runtimes};
use crate::clock::{self, Instant};
use crate::routes::{Route, expire_settings};
use crate::sync::Mutex;
use crate::task::{Task, for_each_live};
use crate::threads::{self, Reading, ThreadRecord, WorkerCounts};

/// The most that the coarse clock is behind. To wake up is nearly all that a tick costs, about 50 us on a guest.
const LONGEST_TICK: Duration = Duration::from_millis(33);
const SHORTEST_TICK: Duration = Duration::from_millis(1);

/// The sampler runs as long as somebody holds this.
#[derive(Debug)]
pub(crate) struct Sampling(());

static RUNNING: Mutex<Weak<Sampling>> = Mutex::new(Weak::new());

/// Starts the sampler, or joins those for whom it runs already. Where no thread can be had, all that it
/// would find out is shown as unknown.
pub(crate) fn start() -> Arc<Sampling> {
    let mut running = RUNNING.lock();
    if let Some(sampling) = running.upgrade() {
        return sampling;
    }
    let sampling = Arc::new(Sampling(()));
    *running = Arc::downgrade(&sampling);
    let mine = Arc::downgrade(&sampling);
    // Now, and not when the thread gets its first turn: a poll that begins before would have no date.
    clock::publish_coarse(Instant::now());
    let thread = std::thread::Builder::new().name("underscore-sampler".into());
    if thread.spawn(move || sample(&mine)).is_err() {
        clock::stop_coarse();
    }
    sampling
}

fn sample(mine: &Weak<Sampling>) {
    let (mut watches, mut reports) = (HashMap::new(), Reports::default());
    let mut last = Instant::now();
    while mine.strong_count() > 0 {
        let now = Instant::now();
        // First, so that every poll that begins after the look is marked with a later time.
        clock::publish_coarse(now);
        let gap = now.since(last) > blocked_after().max(LONGEST_TICK);
        if gap {
            // This thread itself stood still, and maybe the whole process: it saw nothing meanwhile.
            watches.retain(|_, watch: &mut PollWatch| watch.reported);
        }
        look(&mut watches, &mut reports, now);
        for finding in runtimes::look(now, gap) {
            reports.report_untracked(finding, now);
        }
        reports.flush(now);
        expire_settings(now);
        last = now;
        let tick = blocked_after().checked_div(3).unwrap_or(LONGEST_TICK);
        std::thread::sleep(tick.clamp(SHORTEST_TICK, LONGEST_TICK));
    }
    let running = RUNNING.lock();
    if running.strong_count() == 0 {
        clock::stop_coarse();
        runtimes::clear();
        for record in threads::all() {
            record.set_blocked(false);
        }
    }
}

/// A poll that was seen before.
struct PollWatch {
    reading: Reading,
    first_seen: Instant,
    /// What tokio counted of its runtime's workers then, or a tick later if its beginning may be
    /// that of a poll before it in the same tick.
    counted: Option<Vec<WorkerCounts>>,
    is_counted_inside: bool,
    reported: bool,
    /// The route that its time is added to, and how much was added so far.
    added: Option<(&'static Route, Duration)>,
    /// True if the warning was written.
    was_logged: bool,
}

fn look(watches: &mut HashMap<u32, PollWatch>, reports: &mut Reports, now: Instant) {
    let mut unidentified = Vec::new();
    for record in threads::all() {
        let reading = record.reading();
        let known = watches.remove(&record.number());
        let (watch, over) = match known {
            Some(watch) if watch.is_same(reading) => (Some(watch), None),
            over => (
                reading.map(|reading| PollWatch::begin(record, reading, now)),
                over,
            ),
        };
        if let Some(mut over) = over.filter(|watch| watch.reported) {
            record.set_blocked(false);
            over.count(now);
            if over.was_logged {
                reports.report_resumed(Some(over.reading.task), now.since(over.first_seen));
            }
        }
        if let Some(mut watch) = watch {
            watch.check(record, reports, now);
            if watch.is_unidentified(record, now) {
                let entered = watch.reading.entered;
                unidentified.push(Unidentified { record, entered });
            }
            watches.insert(record.number(), watch);
        }
    }
    assume(&unidentified, runtimes::has_ended);
}

impl PollWatch {
    fn begin(record: &ThreadRecord, reading: Reading, now: Instant) -> Self {
        PollWatch {
            reading,
            first_seen: now,
            counted: runtimes::counted(record),
            is_counted_inside: reading.entered.is_some_and(|entered| entered < now),
            reported: false,
            added: None,
            was_logged: false,
        }
    }

    /// Whether the thread is in the poll that it was in, be it in another task within that.
    fn is_same(&self, reading: Option<Reading>) -> bool {
        reading.is_some_and(|reading| reading.entered == self.reading.entered)
    }

    /// Reports the poll once, when it has taken too long. Its time is counted from when it was first seen,
    /// which is at most a moment before it began.
    fn check(&mut self, record: &ThreadRecord, reports: &mut Reports, now: Instant) {
        self.count(now);
        let may_block = self.may_block_a_worker(record);
        let long = now.since(self.first_seen) >= blocked_after();
        if !long || self.reported || !may_block {
            return;
        }
        // Asked last, for it takes a look at all threads.
        if runtimes::is_replaced(record) {
            return;
        }
        self.reported = true;
        record.set_blocked(true);
        // The innermost task, where there are several in the poll.
        let task = record.reading().unwrap_or(self.reading).task;
        if let (Some(task), Some(thread)) = (find(task), record.thread()) {
            if let Some(route) = task.route() {
                route.blocking.add_stall();
                self.added = Some((route, Duration::ZERO));
                self.count(now);
            }
            let stalled = Stalled {
                thread: Some(thread),
                in_poll_for: now.since(self.first_seen),
            };
            self.was_logged = reports.report_task(task, stalled, now);
        }
    }

    /// True if the thread may be a worker that stands still. A worker whose counts have changed is
    /// not this thread: either it never was, or another thread is this worker by now, and the one
    /// in question was given leave to block (`block_in_place`).
    fn may_block_a_worker(&mut self, record: &ThreadRecord) -> bool {
        let Some(now) = runtimes::counted(record) else {
            return false;
        };
        if !self.is_counted_inside {
            self.counted = Some(now);
            self.is_counted_inside = true;
            return record.search().is_some();
        }
        let before = self.counted.as_deref().unwrap_or_default();
        record.exclude_workers_in(self.reading.entered, |worker| {
            let now = now.get(worker);
            now.is_none_or(|now| now.is_parked()) || before.get(worker) != now
        });
        record.search().is_some()
    }

    /// True if it has taken too long and the thread may be one of several workers.
    fn is_unidentified(&self, record: &ThreadRecord, now: Instant) -> bool {
        now.since(self.first_seen) >= blocked_after()
            && record
                .search()
                .is_some_and(|search| search.found().is_none())
    }

    /// Counts for its route the time that has passed since it was counted last.
    fn count(&mut self, now: Instant) {
        if let Some((route, added)) = &mut self.added {
            let all = now.since(self.first_seen);
            let more = all.saturating_sub(*added);
            route.blocking.add_time(more, all);
            *added = all;
        }
    }
}

/// The task with this id: looked for among all, once per report.
fn find(id: u64) -> Option<Task> {
    let mut found = None;
    for_each_live(|task| {
        if task.id.number() == id {
            found = task.read();
        }
    });
    found
}

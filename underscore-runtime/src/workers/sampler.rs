//! The sampler looks at the record of every thread and the counters of every worker once per tick.
//! It dates the start of polls, so that a poll reads no clock, and finds those that block a worker.

use std::collections::HashMap;
use std::time::Duration;

use super::identify::{LongPoll, assume, settle};
use super::limit::blocked_after;
use super::report::{Reports, Stalled};
use super::runtimes::{RUNTIMES, is_replaced};
use crate::clock::Instant;
use crate::routes::Route;
use crate::task::{Task, for_each_live};
use crate::threads::{self, Reading, ThreadRecord, WorkerCounts};

/// Maximum delay of the coarse clock. Waking up is nearly all that a tick costs: about 50 us on a
/// guest.
const LONGEST_PERIOD: Duration = Duration::from_millis(33);
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);

/// The time between two ticks.
pub(crate) fn period() -> Duration {
    let period = blocked_after().checked_div(3).unwrap_or(LONGEST_PERIOD);
    period.clamp(SHORTEST_PERIOD, LONGEST_PERIOD)
}

/// The state of the sampler between ticks.
#[derive(Debug)]
pub(crate) struct Sampler {
    /// The polls seen at the last tick, by the numbers of their threads' records.
    watches: HashMap<u32, PollWatch>,
    reports: Reports,
    last_tick: Instant,
}

impl Sampler {
    pub(crate) fn new(now: Instant) -> Self {
        Sampler {
            watches: HashMap::new(),
            reports: Reports::new(),
            last_tick: now,
        }
    }

    /// Samples all threads and workers.
    pub(crate) fn tick(&mut self, now: Instant) {
        let after_gap = now.since(self.last_tick) > blocked_after().max(LONGEST_PERIOD);
        self.last_tick = now;
        if after_gap {
            // The sampler, or the whole process, was stopped, so the time since is unknown.
            self.watches.retain(|_, watch| watch.is_reported);
        }
        self.sample_polls(now);
        // Before the records are read: a thread has a record before it records its runtime.
        RUNTIMES.update();
        let records = threads::all();
        settle(&records);
        RUNTIMES.drop_unused(&records);
        for stall in RUNTIMES.sample(&records, now, after_gap) {
            self.reports.report_untracked(stall, now);
        }
        self.reports.flush(now);
    }

    fn sample_polls(&mut self, now: Instant) {
        let mut long_polls = Vec::new();
        for record in threads::all() {
            let reading = record.reading();
            let known = self.watches.remove(&record.number());
            let (watch, over) = match known {
                Some(watch) if watch.is_same(reading) => (Some(watch), None),
                over => (
                    reading.map(|reading| PollWatch::new(record, reading, now)),
                    over,
                ),
            };
            if let Some(mut over) = over.filter(|watch| watch.is_reported) {
                record.set_blocked(false);
                over.add_time(now);
                if over.is_logged {
                    let in_poll_for = now.since(over.first_seen);
                    let route = over.added.map(|(route, _)| route);
                    self.reports
                        .report_resumed(over.reading.task, route, in_poll_for);
                }
            }
            if let Some(mut watch) = watch {
                watch.check(record, &mut self.reports, now);
                if watch.is_long(now) {
                    let entered = watch.reading.entered;
                    long_polls.push(LongPoll { record, entered });
                }
                self.watches.insert(record.number(), watch);
            }
        }
        assume(&long_polls, |id| RUNTIMES.has_ended(id));
    }
}

/// Drops the handles of runtimes and the marks of blocked threads. Called after the last tick, when
/// the coarse clock has stopped.
pub(crate) fn clear() {
    RUNTIMES.clear();
    for record in threads::all() {
        record.set_blocked(false);
    }
}

/// A poll that the sampler has seen.
#[derive(Debug)]
struct PollWatch {
    reading: Reading,
    first_seen: Instant,
    /// tokio's counters of the runtime's workers when the poll was first seen, or a tick later if
    /// it began in the same tick as the poll before.
    counts: Option<Vec<WorkerCounts>>,
    /// True if `counts` were read inside the poll.
    is_counted_inside: bool,
    is_reported: bool,
    /// The route that the blocked time is added to, and how much was added.
    added: Option<(&'static Route, Duration)>,
    /// True if the warning was written.
    is_logged: bool,
}

impl PollWatch {
    fn new(record: &ThreadRecord, reading: Reading, now: Instant) -> Self {
        PollWatch {
            reading,
            first_seen: now,
            counts: RUNTIMES.worker_counts(record),
            is_counted_inside: reading.entered.is_some_and(|entered| entered < now),
            is_reported: false,
            added: None,
            is_logged: false,
        }
    }

    /// True if the thread is still in this outermost poll, whichever task is polled within it.
    fn is_same(&self, reading: Option<Reading>) -> bool {
        reading.is_some_and(|reading| reading.entered == self.reading.entered)
    }

    /// Reports the poll once, when it has taken too long.
    fn check(&mut self, record: &ThreadRecord, reports: &mut Reports, now: Instant) {
        self.add_time(now);
        let may_block = self.may_block_a_worker(record);
        if !self.is_long(now) || self.is_reported || !may_block {
            return;
        }
        // Last, because it reads the records of all threads.
        if is_replaced(record) {
            return;
        }
        self.is_reported = true;
        record.set_blocked(true);
        // The innermost task, if several are polled inside one another.
        let task = record.reading().unwrap_or(self.reading).task;
        if let (Some(task), Some(thread)) = (find(task), record.thread()) {
            if let Some(route) = task.route() {
                route.blocking.add_stall();
                self.added = Some((route, Duration::ZERO));
                self.add_time(now);
            }
            let stalled = Stalled {
                thread: Some(thread),
                in_poll_for: now.since(self.first_seen),
            };
            self.is_logged = reports.report_task(task, stalled, now);
        }
    }

    /// True if the thread may be a worker that makes no progress. A worker whose counters have
    /// changed is not this thread: it never was, or another thread has taken over the worker,
    /// because this one may block (`block_in_place`).
    fn may_block_a_worker(&mut self, record: &ThreadRecord) -> bool {
        let Some(now) = RUNTIMES.worker_counts(record) else {
            return false;
        };
        if !self.is_counted_inside {
            self.counts = Some(now);
            self.is_counted_inside = true;
            return record.search().is_some();
        }
        let before = self.counts.as_deref().unwrap_or_default();
        record.exclude_workers_in(self.reading.entered, |worker| {
            let now = now.get(worker);
            now.is_none_or(|now| now.is_parked()) || before.get(worker) != now
        });
        record.search().is_some()
    }

    /// True if the poll has taken too long since the tick in which it was first seen.
    fn is_long(&self, now: Instant) -> bool {
        now.since(self.first_seen) >= blocked_after()
    }

    /// Adds the time since the last call to the blocked time of the route.
    fn add_time(&mut self, now: Instant) {
        if let Some((route, added)) = &mut self.added {
            let all = now.since(self.first_seen);
            let more = all.saturating_sub(*added);
            route.blocking.add_time(more, all);
            *added = all;
        }
    }
}

/// Finds a task by its id among all live tasks. Called once per report.
fn find(id: u64) -> Option<Task> {
    let mut found = None;
    for_each_live(|task| {
        if task.id.number() == id {
            found = task.read();
        }
    });
    found
}

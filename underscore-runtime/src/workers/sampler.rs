//! The sampler: a thread that keeps the coarse clock, and looks at what every worker says of itself. It
//! dates what workers only mark, so that a poll reads no clock, and finds those that do not come back.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{blocked_after, runtimes};
use crate::clock::{self, Instant};
use crate::log;
use crate::stack::{AwaitPoint, innermost};
use crate::sync::Mutex;
use crate::table::expire_settings;
use crate::task::{Task, for_each_live};
use crate::threads::{self, Reading, Thread, ThreadRecord};

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
    let mut watches = HashMap::new();
    let mut last = Instant::now();
    while mine.strong_count() > 0 {
        let now = Instant::now();
        // First, so that every poll that begins after the look is marked with a later time.
        clock::publish_coarse(now);
        if now.since(last) > blocked_after().max(LONGEST_TICK) {
            // This thread itself stood still, and maybe the whole process: it saw nothing meanwhile.
            watches.retain(|_, watch: &mut Watch| watch.reported);
        }
        look(&mut watches, now);
        runtimes::look(now);
        expire_settings(now);
        last = now;
        let tick = blocked_after().checked_div(3).unwrap_or(LONGEST_TICK);
        std::thread::sleep(tick.clamp(SHORTEST_TICK, LONGEST_TICK));
    }
    let running = RUNNING.lock();
    if running.strong_count() == 0 {
        clock::stop_coarse();
        runtimes::let_go();
        for record in threads::all() {
            record.set_blocked(false);
        }
    }
}

/// A poll that was seen before.
struct Watch {
    reading: Reading,
    first_seen: Instant,
    /// What tokio counted of the worker then.
    rests: Option<u64>,
    reported: bool,
}

fn look(watches: &mut HashMap<u32, Watch>, now: Instant) {
    for record in threads::all() {
        let reading = record.reading();
        let known = watches.remove(&record.number());
        let (watch, over) = match known {
            Some(watch) if watch.is_same(reading) => (Some(watch), None),
            over => (
                reading.map(|reading| Watch::begin(record, reading, now)),
                over,
            ),
        };
        if let Some(over) = over.filter(|watch| watch.reported) {
            record.set_blocked(false);
            over.report_end(now);
        }
        if let Some(mut watch) = watch {
            watch.check(record, now);
            watches.insert(record.number(), watch);
        }
    }
}

impl Watch {
    fn begin(record: &ThreadRecord, reading: Reading, now: Instant) -> Self {
        Watch {
            reading,
            first_seen: now,
            rests: runtimes::rests(record),
            reported: false,
        }
    }

    /// Whether the thread is in the poll that it was in, be it in another task within that.
    fn is_same(&self, reading: Option<Reading>) -> bool {
        reading.is_some_and(|reading| reading.entered == self.reading.entered)
    }

    /// Reports the poll once, when it has taken too long. Its time is counted from when it was first seen,
    /// which is at most a moment before it began.
    fn check(&mut self, record: &ThreadRecord, now: Instant) {
        let long = now.since(self.first_seen) >= blocked_after();
        if !long || self.reported || self.rests.is_none() || self.rests != runtimes::rests(record) {
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
            report(task, thread, now.since(self.first_seen));
        }
    }

    fn report_end(&self, now: Instant) {
        let task = self.reading.task;
        let millis = millis(now.since(self.first_seen));
        log::write(move || {
            tracing::info!(
                target: "underscore",
                task,
                in_poll_for_ms = millis,
                "a worker thread came back from the poll that blocked it"
            );
        });
    }
}

fn report(task: Task, thread: Arc<Thread>, in_poll_for: Duration) {
    let kernel = thread.kernel_wait();
    // Now, for the task may be gone by the time that the log has its turn.
    let point = innermost(&task.found.frames());
    log::write(move || {
        let route = task.route();
        tracing::warn!(
            target: "underscore",
            task = task.found.id.number(),
            handler = route.map(|route| route.descriptor.handler),
            method = route.map(|route| tracing::field::display(&route.method)),
            path = route.and_then(|route| route.path.as_deref()),
            name = task.background().map(|background| &*background.name),
            after = point.map(tracing::field::display),
            function = point.map(AwaitPoint::function),
            awaiting = point.map(AwaitPoint::source),
            thread = thread.name.as_deref(),
            kernel = kernel.as_deref(),
            in_poll_for_ms = millis(in_poll_for),
            "a worker thread is blocked inside one poll; `after` is the last await that it came back from"
        );
    });
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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

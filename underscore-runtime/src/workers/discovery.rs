//! The threads of a runtime's workers, before they have polled a tracked task: a worker that is
//! blocked from its first poll on has a name, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::task::with_thread;
use crate::threads::{ThreadRecord, WorkerCounts};

/// How long a worker stays for the others to come: one that is done at once would take their turn.
/// And how long those that came then take to leave one by one, until each is known by how the
/// others park.
const LONGEST: Duration = Duration::from_millis(1);

/// Begins a task for each worker of the runtime, which notes the thread that it is on.
pub(super) fn discover(handle: &Handle) {
    let workers = handle.metrics().num_workers();
    let here = Arc::new(AtomicUsize::new(0));
    for _ in 0..workers {
        let (here, handle) = (Arc::clone(&here), handle.clone());
        drop(handle.clone().spawn(async move {
            with_thread(|thread| {
                let record = thread.record();
                record.update_thread();
                stay(record, &handle, &here);
            });
        }));
    }
}

/// Stays in this poll until all are here, and then until it is known which worker this is.
fn stay(record: &ThreadRecord, handle: &Handle, here: &AtomicUsize) {
    let metrics = handle.metrics();
    let workers = metrics.num_workers();
    // Relaxed: a plain number.
    let turn = here.fetch_add(1, Ordering::Relaxed);
    let before = WorkerCounts::read_all(&metrics);
    let began = Instant::now();
    let mut all_here = None;
    loop {
        let is_elsewhere = |worker: usize| {
            let now = WorkerCounts::read(&metrics, worker);
            now.is_parked() || before.get(worker) != Some(&now)
        };
        record.exclude_workers(is_elsewhere);
        if here.load(Ordering::Relaxed) >= workers {
            let since = *all_here.get_or_insert_with(Instant::now);
            let its_turn = share(turn, workers);
            if record.worker().is_some() || since.elapsed() >= its_turn {
                return;
            }
        } else if began.elapsed() >= LONGEST {
            return;
        }
        std::thread::yield_now();
    }
}

/// When the worker that came as number `turn` leaves: the first at once, the last when the others
/// are at rest.
fn share(turn: usize, workers: usize) -> Duration {
    let parts = u32::try_from(workers).unwrap_or(u32::MAX).max(1);
    let turn = u32::try_from(turn).unwrap_or(u32::MAX);
    let part = LONGEST.checked_div(parts).unwrap_or(LONGEST);
    part.saturating_mul(turn).min(LONGEST)
}

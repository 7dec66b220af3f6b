//! Identifies the threads of a runtime's workers before they have polled a tracked task, so that a
//! worker that is blocked from its first poll on has a thread name.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::task::with_thread;
use crate::threads::{ThreadRecord, WorkerCounts};

/// Maximum time that a worker waits for the others to arrive, because one that returned at once
/// would run their tasks. Also the maximum time in which they then leave one by one, which
/// identifies each by the parks of the others.
const LONGEST: Duration = Duration::from_millis(1);

/// Spawns one task per worker of the runtime. Each updates the record of the thread that it runs
/// on.
pub(super) fn discover(handle: &Handle) {
    let workers = handle.metrics().num_workers();
    let arrived = Arc::new(AtomicUsize::new(0));
    for _ in 0..workers {
        let (arrived, handle) = (Arc::clone(&arrived), handle.clone());
        drop(handle.clone().spawn(async move {
            with_thread(|thread| {
                let record = thread.record();
                record.update_thread();
                stay(record, &handle, &arrived);
            });
        }));
    }
}

/// Stays in this poll until all workers have arrived, and then until this one is identified or it
/// is its turn to leave.
fn stay(record: &ThreadRecord, handle: &Handle, arrived: &AtomicUsize) {
    let metrics = handle.metrics();
    let workers = metrics.num_workers();
    // Relaxed: an independent number.
    let turn = arrived.fetch_add(1, Ordering::Relaxed);
    let before = WorkerCounts::read_all(&metrics);
    let began = Instant::now();
    let mut all_arrived = None;
    loop {
        let is_elsewhere = |worker: usize| {
            let now = WorkerCounts::read(&metrics, worker);
            now.is_parked() || before.get(worker) != Some(&now)
        };
        record.exclude_workers(is_elsewhere);
        if arrived.load(Ordering::Relaxed) >= workers {
            let since = *all_arrived.get_or_insert_with(Instant::now);
            let leaves_after = leaves_after(turn, workers);
            if record.worker().is_some() || since.elapsed() >= leaves_after {
                return;
            }
        } else if began.elapsed() >= LONGEST {
            return;
        }
        std::thread::yield_now();
    }
}

/// When the worker that arrived as number `turn` leaves: the first at once, the last when the
/// others are parked.
fn leaves_after(turn: usize, workers: usize) -> Duration {
    let parts = u32::try_from(workers).unwrap_or(u32::MAX).max(1);
    let turn = u32::try_from(turn).unwrap_or(u32::MAX);
    let part = LONGEST.checked_div(parts).unwrap_or(LONGEST);
    part.saturating_mul(turn).min(LONGEST)
}

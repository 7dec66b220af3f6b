//! The threads of a runtime's workers, before they have polled a tracked task: a worker that is
//! blocked from its first poll on has a name, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::task::with_thread;

/// How long a worker stays for the others to come: one that is done at once would take their turn.
const LONGEST: Duration = Duration::from_millis(1);

/// Begins a task for each worker of the runtime, which notes the thread that it is on.
pub(super) fn discover(handle: &Handle) {
    let workers = handle.metrics().num_workers();
    let here = Arc::new(AtomicUsize::new(0));
    for _ in 0..workers {
        let here = Arc::clone(&here);
        drop(handle.spawn(async move {
            with_thread(|thread| thread.record().note_thread());
            let began = Instant::now();
            // Relaxed: a plain number.
            let mut count = here.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            while count < workers && began.elapsed() < LONGEST {
                std::thread::yield_now();
                count = here.load(Ordering::Relaxed);
            }
        }));
    }
}

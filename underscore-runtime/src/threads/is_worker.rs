//! Tells workers from the other threads that have a runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// True if the calling thread is a worker that has not handed its core to another thread
/// (`block_in_place`), or drives a current-thread runtime. False for threads of `spawn_blocking`
/// and for a thread in `block_on` of a multi-thread runtime.
///
/// A scheduler defers the waker of a task that yields until its run queue is empty. Without a
/// scheduler, `yield_now` wakes the task at once.
pub(super) fn is_worker() -> bool {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let yields = pin!(tokio::task::yield_now());
    let is_pending = yields.poll(&mut Context::from_waker(&waker)).is_pending();
    is_pending && !woken.0.load(Ordering::Relaxed)
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Relaxed: only the thread that writes it reads it.
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_a_worker_only_while_it_drives_a_scheduler() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .expect("threads can be had");
        assert!(!is_worker(), "it has no runtime");
        assert!(
            !runtime.block_on(async { is_worker() }),
            "it is in block_on"
        );
        let _entered = runtime.enter();
        assert!(!is_worker(), "it only has a handle");
        let handed_on = || tokio::task::block_in_place(is_worker);
        let found = runtime.block_on(async {
            (
                tokio::spawn(async { is_worker() }).await.expect("no panic"),
                tokio::spawn(async move { handed_on() })
                    .await
                    .expect("no panic"),
                tokio::task::spawn_blocking(is_worker)
                    .await
                    .expect("no panic"),
            )
        });
        assert_eq!(found, (true, false, false));
        let alone = tokio::runtime::Builder::new_current_thread().build();
        let alone = alone.expect("it can be had");
        assert!(std::thread::scope(|scope| {
            let driven = scope.spawn(|| alone.block_on(async { is_worker() }));
            driven.join().expect("no panic")
        }));
    }
}

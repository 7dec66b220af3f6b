//! The admin API answers soon and correctly whatever happens to the host: its workers, its runtime,
//! its tasks, its disk, its log, its threads.
//!
//! Workers and tasks are global to a process, so the tests run one after another.

mod blocked;
mod blocked_workers;
mod crowd;
mod descriptors;
mod disk;
mod ended;
mod host_log;
mod log_blocks;
mod log_lost;
mod process;
mod reads;
mod stalls;
mod stuck_requests;
#[path = "../support/mod.rs"]
mod support;
mod threads;
mod unread_answers;
mod worker_threads;

use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use reqwest::Client;
use support::Service;
use support::log::turn;

/// The reads of an incident.
const READS: [&str; 6] = [
    "",
    "_cat/tasks?v",
    "_cat/routes?v",
    "_cat/stacks?v",
    "_cat/workers?v",
    "_tasks?detailed",
];

/// Longest acceptable time of a read.
const SOON: Duration = Duration::from_millis(200);

/// Number of tries, of which one has to be in time, because the machine may be busy.
const TRIES: usize = 20;

/// Asserts that all reads are answered in time.
async fn answers_soon(ask: impl AsyncFn(&str)) {
    for path in READS {
        soon(path, || ask(path)).await;
    }
}

/// Asserts that one of several tries is in time.
async fn soon(what: &str, act: impl AsyncFn()) {
    let mut best = Duration::MAX;
    for _ in 0..TRIES {
        let begun = Instant::now();
        act().await;
        best = best.min(begun.elapsed());
        if best <= SOON {
            return;
        }
    }
    panic!("[{what}] takes {best:?} at best");
}

async fn service_answers_soon(service: &Service) {
    answers_soon(async |path| {
        let answer = service.admin(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    })
    .await;
}

async fn client_answers_soon(client: &Client) {
    answers_soon(async |path| {
        let answer = client.get(format!("http://./{path}")).send().await;
        assert_eq!(answer.expect("it answers").status(), 200, "{path}");
    })
    .await;
}

/// Locks `lock` in a thread until the returned sender is dropped.
fn held(lock: &'static std::sync::Mutex<()>) -> (Sender<()>, JoinHandle<()>) {
    let (locked, is_locked) = channel();
    let (release, released) = channel::<()>();
    let holder = std::thread::spawn(move || {
        let _held = lock.lock();
        locked.send(()).expect("somebody waits");
        // Until the sender sends or is dropped.
        let _ = released.recv();
    });
    is_locked.recv().expect("it is locked");
    (release, holder)
}

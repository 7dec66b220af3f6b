//! The background thread of the admin side. Each tick sets the coarse clock, samples the workers
//! and the tasks, looks after the health of the service and the panic hook, and expires settings and
//! log levels.

use std::sync::{Arc, Weak};

use crate::clock::{self, Instant};
use crate::events;
use crate::health;
use crate::logger;
use crate::panics;
use crate::routes::{expire_settings, link};
use crate::sampling;
use crate::sync::Mutex;
use crate::workers::{self, Sampler};

/// The thread runs while this is held.
#[derive(Debug)]
pub(crate) struct Housekeeping(());

static RUNNING: Mutex<Weak<Housekeeping>> = Mutex::new(Weak::new());

/// Starts the thread, or shares the running one. If no thread can be spawned, the data that it
/// would collect is shown as unknown.
pub(crate) fn start() -> Arc<Housekeeping> {
    // Before a tick, and without a lock: it may report a mistake to the log and to the panic hook.
    link::read();
    let mut running = RUNNING.lock();
    if let Some(housekeeping) = running.upgrade() {
        return housekeeping;
    }
    let housekeeping = Arc::new(Housekeeping(()));
    *running = Arc::downgrade(&housekeeping);
    let held = Arc::downgrade(&housekeeping);
    // Before the thread's first tick: a poll that begins earlier would have no start.
    clock::publish_coarse(Instant::now());
    let thread = std::thread::Builder::new().name("underscore-sampler".into());
    if thread.spawn(move || run(&held)).is_err() {
        clock::stop_coarse();
    }
    housekeeping
}

fn run(held: &Weak<Housekeeping>) {
    let mut sampler = Sampler::new(Instant::now());
    while held.strong_count() > 0 {
        let now = Instant::now();
        // First, so that a poll that begins after the samples has a later start.
        clock::publish_coarse(now);
        sampler.tick(now);
        sampling::tick(now);
        events::tick(now);
        health::tick(now);
        expire_settings(now);
        logger::tick(now);
        panics::tick(now);
        std::thread::sleep(workers::period());
    }
    // Under the lock: a new thread may have been started meanwhile.
    let running = RUNNING.lock();
    if running.strong_count() == 0 {
        clock::stop_coarse();
        workers::clear();
    }
}

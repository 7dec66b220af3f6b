//! The stand-in for a task's record, around the runtime's own ledger, signal and end.

#[path = "../../underscore-runtime/src/task/end.rs"]
mod end;
#[path = "../../underscore-runtime/src/task/ledger.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod ledger;
#[path = "../../underscore-runtime/src/task/own.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod own;
#[path = "../../underscore-runtime/src/task/signal.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod signal;

use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use ledger::{Ledger, Place};
pub(crate) use own::Own;
pub(crate) use signal::{Order, Signal, Waiting};

use crate::clock::Instant;
use crate::sync::Arc;
use crate::sync::atomic::AtomicU8;

/// The part of the record that the files under test touch.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: TaskId,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) started: Instant,
    pub(crate) signal: Signal,
    // The poller's alone, so its atomics are std's: loom would find nothing to interleave.
    pub(crate) own: Own,
    inside: AtomicBool,
    outcome: AtomicU8,
}

/// What a task is made from: no more than its number and its book.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) id: TaskId,
    pub(crate) ledger: Arc<Ledger>,
}

/// The model gives the numbers: the runtime's counter goes on from one run to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId(pub(crate) u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Waiting,
}

impl Task {
    pub(crate) fn new(kind: Kind) -> Self {
        Task {
            id: kind.id,
            ledger: kind.ledger,
            started: Instant::now(),
            signal: Signal::new(),
            own: Own::new(),
            inside: AtomicBool::new(false),
            outcome: AtomicU8::new(0),
        }
    }

    pub(crate) fn set_inside(&self, inside: bool) {
        self.inside.store(inside, Ordering::Relaxed);
    }

    pub(crate) fn state(&self) -> State {
        if self.inside.load(Ordering::Relaxed) {
            State::Running
        } else {
            State::Waiting
        }
    }
}

/// No model has a client that stops in the middle, or a body that is streamed.
#[allow(clippy::unused_self, dead_code, reason = "as the ones they stand for")]
impl Task {
    pub(crate) fn is_left_by_client(&self) -> bool {
        false
    }

    pub(crate) fn stop_timer(&self) {}

    pub(crate) fn streams(&self, _: Instant) {}

    pub(crate) fn streams_since(&self) -> Option<Instant> {
        None
    }
}

/// One page, for all threads: what they do there is what they could do to each other.
fn shard() -> usize {
    0
}

fn shards() -> usize {
    1
}

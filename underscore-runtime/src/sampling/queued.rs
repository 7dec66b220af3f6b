//! Calls of `spawn_blocking` that wait for a thread.

use crate::clock::Instant;
use crate::task::{TaskRef, TaskState};

/// The calls that wait at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueuedCalls {
    pub(crate) count: usize,
    /// When the first of them began to wait.
    pub(crate) since: Instant,
}

/// The calls of the current pass over all tasks, and of the last complete one.
#[derive(Debug, Default)]
pub(super) struct Queued {
    current: Option<QueuedCalls>,
    last: Option<QueuedCalls>,
}

impl Queued {
    /// Adds a task that is no request.
    pub(super) fn add(&mut self, task: &TaskRef) {
        if task.state() != Some(TaskState::Queued) {
            return;
        }
        let calls = self.current.get_or_insert(QueuedCalls {
            count: 0,
            since: task.started,
        });
        calls.count = calls.count.saturating_add(1);
        calls.since = calls.since.min(task.started);
    }

    pub(super) fn end_pass(&mut self) {
        self.last = self.current.take();
    }

    /// The calls that the last complete pass has found.
    pub(super) fn calls(&self) -> Option<QueuedCalls> {
        self.last
    }
}

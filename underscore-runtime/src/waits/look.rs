//! A look at all tasks. They are read one after the other, and then checked again: a task that was
//! not polled in between was all the time as it was read, so what is derived from such tasks was
//! true of all of them at one moment.

use crate::clock::Instant;
use crate::guards::TaskLocks;
use crate::stack::Frame;
use crate::task::{Glance, TaskId, TaskRef, TaskState, for_each_live};
use crate::threads::{RuntimeNumber, ThreadRecord};

/// The tasks to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    /// Those that may hold a guard or wait for a lock with a known address.
    WithLocks,
}

/// A task as it was read.
#[derive(Debug)]
pub(super) struct TaskLook {
    pub(super) task: TaskRef,
    glance: Glance,
    /// The innermost awaits are what it waits for.
    pub(super) frames: Vec<Frame>,
    pub(super) locks: TaskLocks,
    /// The task in which it was begun.
    pub(super) parent: Option<TaskId>,
    pub(super) runtime: Option<RuntimeNumber>,
    /// True if it is interrupted at a timeout.
    pub(super) has_timeout: bool,
    /// True if its poll blocks a thread.
    pub(super) blocks_thread: bool,
    /// True if it was waiting, and was not polled since it was read.
    pub(super) is_still: bool,
}

impl TaskLook {
    fn new(task: TaskRef) -> Option<Self> {
        let glance = task.glance()?;
        let [parent, _] = task.origins();
        Some(TaskLook {
            task,
            glance,
            frames: task.frames(),
            locks: task.locks(),
            parent,
            runtime: task.runtime(),
            has_timeout: task.has_timeout(),
            blocks_thread: glance.state == TaskState::Running
                && task.thread().is_some_and(ThreadRecord::is_blocked),
            is_still: false,
        })
    }

    pub(super) fn state(&self) -> TaskState {
        self.glance.state
    }

    /// The end of its last poll, to a tick.
    pub(super) fn since(&self) -> Option<Instant> {
        self.glance.since
    }

    fn check(&mut self) {
        self.is_still = self.glance.state == TaskState::Waiting
            && self.task.glance() == Some(self.glance)
            && !self.task.is_interrupted();
    }
}

/// Looks at the tasks in flight. Returns none if `is_cancelled` becomes true.
pub(super) fn look(scope: Scope, is_cancelled: &dyn Fn() -> bool) -> Vec<TaskLook> {
    let mut tasks = Vec::new();
    for_each_live(|task| {
        if scope == Scope::All || task.may_have_locks() {
            tasks.push(task);
        }
    });
    tasks.sort_unstable_by_key(|task| task.id);
    let mut looks = Vec::with_capacity(tasks.len());
    for task in tasks {
        if is_cancelled() {
            return Vec::new();
        }
        looks.extend(TaskLook::new(task));
    }
    looks.iter_mut().for_each(TaskLook::check);
    looks
}

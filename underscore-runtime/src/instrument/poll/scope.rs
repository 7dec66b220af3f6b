//! The poll of a task: while it lasts, the task is the thread's current one, so that awaits find it
//! without a reference to it, and others see which task the thread is in.

use crate::stack::ParentKey;
use crate::task::{Slot, ThreadContext, with_thread};
use crate::threads::ThreadRecord;

/// A poll of a task, until it is [finished](Self::finish), [exited](Self::exit) or
/// [abandoned](Self::abandon). One that is only dropped was cut short by a panic: the thread goes
/// on with what it was in before, and the task stays marked as being polled.
#[must_use = "a poll that is dropped is one that panicked"]
pub(crate) struct PollScope {
    task: &'static Slot,
    record: &'static ThreadRecord,
    /// The poll that this one is in. Boxed, for most are in none: three pointers stay in registers.
    outer: Option<Box<Outer>>,
}

/// A poll that goes on after the one within.
struct Outer {
    task: &'static Slot,
    parent: ParentKey,
    /// How many changes of stacks there were.
    changes: u32,
    /// What its slot said of the thread.
    thread: u32,
}

/// The task that this thread polls.
pub(crate) fn current() -> Option<&'static Slot> {
    with_thread(|thread| match thread.id.get() {
        0 => None,
        _ => thread.slot.get(),
    })
}

impl PollScope {
    /// Makes `task` the thread's current one.
    #[inline]
    pub(crate) fn enter(task: &'static Slot) -> Self {
        with_thread(|thread| {
            let record = thread.record();
            let outer = match thread.id.get() {
                0 => {
                    record.begin_poll();
                    None
                }
                _ => Some(Outer::suspend(thread, task)),
            };
            let id = task.id();
            record.set_task(id);
            thread.id.set(id);
            thread.slot.set(Some(task));
            task.begin_poll();
            PollScope {
                task,
                record,
                outer,
            }
        })
    }

    #[inline]
    fn changes_before(&self) -> u32 {
        self.outer.as_ref().map_or(0, |outer| outer.changes)
    }

    /// Makes what changed in the stack visible.
    #[inline]
    pub(crate) fn commit(&self) {
        let before = self.changes_before();
        if with_thread(ThreadContext::changes) > before {
            self.commit_changes(before);
        }
    }

    /// Apart, for most polls change nothing.
    #[inline(never)]
    fn commit_changes(&self, before: u32) {
        with_thread(|thread| self.task.commit(thread, before));
    }

    /// Ends the poll of a future that is done: the task's next one goes on within the same poll.
    /// With a commit, for the next one may wait at no await that is known, and never commit.
    #[inline]
    pub(crate) fn finish(self) {
        self.commit();
        self.task.retract_poll();
        self.restore();
    }

    /// Ends the poll, which has come back from the task's code.
    #[inline]
    pub(crate) fn exit(self) {
        self.task.end_poll();
        self.restore();
    }

    /// Ends the scope in which the task's future was dropped. There is no stack left to show.
    pub(crate) fn abandon(self) {
        with_thread(|thread| thread.discard_changes(self.changes_before()));
        self.exit();
    }

    /// Makes the thread's context what it was before.
    #[inline]
    fn restore(mut self) {
        let (task, record, outer) = (self.task, self.record, self.outer.take());
        std::mem::forget(self);
        match outer {
            None => {
                record.set_task(0);
                with_thread(|thread| thread.id.set(0));
            }
            Some(outer) => outer.resume(task),
        }
    }
}

impl Drop for PollScope {
    /// The task's code panicked.
    #[cold]
    fn drop(&mut self) {
        with_thread(|thread| thread.discard_changes(self.changes_before()));
        PollScope {
            task: self.task,
            record: self.record,
            outer: self.outer.take(),
        }
        .restore();
    }
}

impl Outer {
    /// Puts the poll that the thread is in aside for one of `inner`.
    #[allow(clippy::unnecessary_box_returns, reason = "see `PollScope::outer`")]
    #[cold]
    #[inline(never)]
    fn suspend(thread: &ThreadContext, inner: &'static Slot) -> Box<Self> {
        let record = thread.record();
        let task = thread.slot.get().unwrap_or(inner);
        let outer = Outer {
            task,
            parent: thread.parent.replace(ParentKey::ROOT),
            changes: thread.changes(),
            thread: task.begin_outer_poll(record),
        };
        inner.begin_inner_poll(record);
        Box::new(outer)
    }

    /// Goes on with it.
    #[cold]
    #[inline(never)]
    fn resume(&self, inner: &'static Slot) {
        with_thread(|thread| {
            thread.discard_changes(self.changes);
            inner.set_thread(u32::MAX);
            self.task.set_thread(self.thread);
            let id = self.task.id();
            thread.record().set_task(id);
            thread.id.set(id);
            thread.slot.set(Some(self.task));
            thread.parent.set(self.parent);
        });
    }
}

//! The poll of a task. While it lasts, the task is the thread's current one: awaits find it without
//! a reference, and other threads see which task this thread polls.

use crate::stack::ParentKey;
use crate::task::{Slot, ThreadContext, with_thread};
use crate::threads::ThreadRecord;

/// A poll of a task, until it is [finished](Self::finish), [exited](Self::exit) or
/// [discarded](Self::discard). A plain drop means that it panicked: the thread returns to its
/// previous task, and the task stays marked as being polled.
#[must_use = "dropping it means that the poll panicked"]
pub(crate) struct PollScope {
    task: &'static Slot,
    record: &'static ThreadRecord,
    /// The enclosing poll. Boxed, because most polls have none: three pointers stay in registers.
    outer: Option<Box<Outer>>,
}

/// A poll that is suspended during an inner one.
struct Outer {
    task: &'static Slot,
    parent: ParentKey,
    /// Number of changes of stacks before the inner poll.
    changes: u32,
    /// The thread in its slot.
    thread: u32,
}

/// The task that this thread polls, `None` outside any.
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

    /// Publishes the changes of the stack.
    #[inline]
    pub(crate) fn commit(&self) {
        let before = self.changes_before();
        if with_thread(ThreadContext::changes) > before {
            self.commit_changes(before);
        }
    }

    /// Not inlined: most polls change nothing.
    #[inline(never)]
    fn commit_changes(&self, before: u32) {
        with_thread(|thread| self.task.commit(thread, before));
    }

    /// Ends the poll of a completed future, whose task continues with its next future in the same
    /// poll. Commits, because the next future may never do so: it may have no annotated await.
    #[inline]
    pub(crate) fn finish(self) {
        self.commit();
        self.task.retract_poll();
        self.restore();
    }

    /// Ends the poll after the task's code has returned.
    #[inline]
    pub(crate) fn exit(self) {
        self.task.end_poll();
        self.restore();
    }

    /// Ends the scope in which the task's future was dropped: no stack is left to publish.
    pub(crate) fn discard(self) {
        with_thread(|thread| thread.discard_changes(self.changes_before()));
        self.exit();
    }

    /// Restores the thread's context.
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
    /// Runs if the task's code panicked.
    #[cold]
    fn drop(&mut self) {
        // The code of the enclosing task unwinds as well.
        if let Some(outer) = &self.outer
            && let Some(note) = self.task.panic_note()
        {
            outer.task.set_panic(note);
        }
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
    /// Suspends the thread's current poll for one of `inner`.
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

    /// Resumes the suspended poll.
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

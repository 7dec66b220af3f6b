//! The stand-in for the context of a poll: it only says that a thread is inside, for no model has awaits
//! that would show in a stack.

use crate::task::Task;

pub(crate) fn within(task: &Task, code: impl FnOnce()) {
    let mut poll = Poll::enter(task);
    code();
    poll.leave();
}

pub(crate) struct Poll<'a>(&'a Task);

impl<'a> Poll<'a> {
    pub(crate) fn enter(task: &'a Task) -> Self {
        task.set_inside(true);
        Poll(task)
    }

    #[allow(clippy::unused_self, reason = "as the one it stands for")]
    pub(crate) fn commit(&self) {}

    pub(crate) fn hand_on(&mut self) {
        self.leave();
    }

    pub(crate) fn leave(&mut self) {
        self.0.set_inside(false);
    }
}

impl Drop for Poll<'_> {
    /// One that was not left stays marked: the task's code panicked.
    fn drop(&mut self) {}
}

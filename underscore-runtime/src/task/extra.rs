//! The part of a task's record that most tasks never need, and what other threads leave for the
//! poller: behind a lock.

use std::task::Waker;

use axum::http::Method;
use tokio::task::AbortHandle;

use super::id::TaskId;
use super::interrupt::Interrupts;
use super::kind::{Background, TaskRequest};
use super::request_meta::RequestMeta;
use crate::stack::Tree;
use crate::sync::Arc;

/// What the lock of a slot guards.
#[derive(Debug)]
pub(super) struct SlotInner {
    /// The poller's waker, for an interrupt that comes.
    pub(super) waker: Option<Waker>,
    extra: Option<Box<Extra>>,
}

/// What few tasks have.
#[derive(Debug, Default)]
pub(super) struct Extra {
    /// The id of the task that this belongs to. If that task has ended, the content is void.
    id: u64,
    pub(super) interrupts: Option<Interrupts>,
    /// The awaits that have no place in the slot.
    pub(super) tree: Tree,
    pub(super) meta: Option<RequestMeta>,
    pub(super) method: Option<Method>,
    /// The task in which the request was made.
    pub(super) parent: Option<TaskId>,
    /// Ends the request when its time is up.
    pub(super) timer: Option<AbortHandle>,
    pub(super) background: Option<Arc<Background>>,
    /// A copy of what is kept of the request, for the work that was begun in it.
    pub(super) request: Option<Arc<TaskRequest>>,
}

impl SlotInner {
    pub(super) const fn new() -> Self {
        SlotInner {
            waker: None,
            extra: None,
        }
    }

    /// The extra of the task with this id, if it has one.
    pub(super) fn extra(&mut self, id: u64) -> Option<&mut Extra> {
        self.extra.as_deref_mut().filter(|extra| extra.id == id)
    }

    /// The extra of the task with this id, made if it has none.
    pub(super) fn extra_or_new(&mut self, id: u64) -> &mut Extra {
        let extra = self.extra.get_or_insert_default();
        if extra.id != id {
            **extra = Extra {
                id,
                ..Extra::default()
            };
        }
        extra
    }

    /// Takes all that is there, at the end of the task with this id.
    pub(super) fn take(&mut self, id: u64) -> (Option<Waker>, Option<Box<Extra>>) {
        let extra = self.extra.take().filter(|extra| extra.id == id);
        (self.waker.take(), extra)
    }
}

impl Extra {
    /// Stops the timer that would end the task.
    pub(super) fn stop_timer(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.abort();
        }
    }
}

//! The part of a task's record behind a lock: rare properties, and signals of other threads to the
//! poller.

use std::task::Waker;

use axum::http::Method;
use tokio::task::AbortHandle;

use super::id::TaskId;
use super::interrupt::Interrupts;
use super::kind::{Background, TaskRequest};
use super::panic_note::PanicNote;
use super::request_meta::RequestMeta;
use crate::guards::TaskLocks;
use crate::routes::Route;
use crate::stack::Tree;
use crate::stats::Outcome;
use crate::sync::Arc;

/// The state that the lock of a slot guards.
#[derive(Debug)]
pub(super) struct SlotInner {
    /// The poller's waker, for an interrupt.
    pub(super) waker: Option<Waker>,
    extra: Option<Box<Extra>>,
}

/// State that few tasks have.
#[derive(Debug, Default)]
pub(super) struct Extra {
    /// The id of the task that it belongs to. If that task has ended, the content is stale.
    id: u64,
    pub(super) interrupts: Option<Interrupts>,
    /// The awaits that do not fit into the slot.
    pub(super) tree: Tree,
    pub(super) meta: Option<RequestMeta>,
    pub(super) method: Option<Method>,
    /// The task in which the request was made.
    pub(super) parent: Option<TaskId>,
    /// Interrupts the request at its timeout.
    pub(super) timer: Option<AbortHandle>,
    pub(super) background: Option<Arc<Background>>,
    /// The request's handler, if that runs in another tokio task.
    pub(super) reached: Option<Reached>,
    /// A copy of the request, shared by the work that was begun in it.
    pub(super) request: Option<Arc<TaskRequest>>,
    /// The guards that it holds and the locks that it waits for.
    pub(super) locks: TaskLocks,
    /// The last panic in its code.
    pub(super) panic: Option<Box<PanicNote>>,
}

/// A handler that a request has reached in another tokio task.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) route: &'static Route,
    /// The outcome of the request if the settings of that route have refused it.
    pub(super) refused: Option<Outcome>,
}

impl SlotInner {
    pub(super) const fn new() -> Self {
        SlotInner {
            waker: None,
            extra: None,
        }
    }

    /// The `Extra` of the task with this id.
    pub(super) fn extra(&mut self, id: u64) -> Option<&mut Extra> {
        self.extra.as_deref_mut().filter(|extra| extra.id == id)
    }

    /// The `Extra` of the task with this id, created if it has none.
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

    /// Takes the waker and the `Extra`, at the end of the task with this id.
    pub(super) fn take(&mut self, id: u64) -> (Option<Waker>, Option<Box<Extra>>) {
        let extra = self.extra.take().filter(|extra| extra.id == id);
        (self.waker.take(), extra)
    }
}

impl Extra {
    /// Stops the timer of its timeout.
    pub(super) fn stop_timer(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.abort();
        }
    }
}

//! The part of a task's record that most tasks never need, and what other threads leave for the
//! poller: behind a lock.

use std::task::Waker;

use axum::http::Method;
use tokio::task::AbortHandle;

use super::interrupt::Interrupts;
use super::slot::{Slot, info};
use super::{Background, RequestMeta, TaskId, TaskRequest};
use crate::routes::Route;
use crate::stack::Tree;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

/// What the lock of a slot guards.
#[derive(Debug)]
pub(super) struct Inner {
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
    timer: Option<AbortHandle>,
    pub(super) background: Option<Arc<Background>>,
    /// A copy of what is kept of the request, for the work that was begun in it.
    pub(super) request: Option<Arc<TaskRequest>>,
}

impl Inner {
    pub(super) const fn new() -> Self {
        Inner {
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

/// For the thread that polls the task.
impl Slot {
    /// The method of the request.
    pub(crate) fn method(&self) -> Option<Method> {
        let route = self.route.load()?;
        if self.info.load(Ordering::Relaxed) & info::METHOD == 0 {
            return Some(route.identity.method.clone());
        }
        let mut inner = self.inner.lock();
        inner.extra(self.id())?.method.clone()
    }

    /// The route whose request it is.
    pub(crate) fn route(&self) -> Option<&'static Route> {
        self.route.load()
    }

    /// Keeps the timer that ends the task when its time is up.
    pub(crate) fn set_timer(&self, timer: AbortHandle) {
        let mut inner = self.inner.lock();
        inner.extra_or_new(self.id()).timer = Some(timer);
        drop(inner);
        self.note_extra();
    }
}

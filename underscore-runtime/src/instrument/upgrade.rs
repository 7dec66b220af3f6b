//! The way from what goes on with an upgraded connection back to its request.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::context;
use crate::task::Task;

thread_local! {
    /// The request whose connection is in the hands of the future that this thread polls.
    static REQUEST: RefCell<Option<Arc<Task>>> = const { RefCell::new(None) };
}

/// The request that the calling code is part of, to be handed on to what goes on after it.
pub fn handed_on() -> HandedOn {
    HandedOn {
        request: context::current(),
    }
}

/// A request on its way to what goes on with its connection.
#[derive(Debug)]
pub struct HandedOn {
    request: Option<Arc<Task>>,
}

impl HandedOn {
    /// Hands the request on to `future`: what is tracked in it is its child.
    pub fn to<F: Future>(self, future: F) -> GoesOn<F> {
        GoesOn {
            future,
            request: self.request,
        }
    }
}

/// The request that the calling code goes on with, if it was handed on to it.
pub(super) fn request() -> Option<Arc<Task>> {
    REQUEST.try_with(|request| request.borrow().clone()).ok()?
}

pin_project! {
    /// The future of [`HandedOn::to`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct GoesOn<F> {
        #[pin]
        future: F,
        request: Option<Arc<Task>>,
    }
}

impl<F: Future> Future for GoesOn<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _during = During::begin(this.request);
        this.future.poll(cx)
    }
}

/// The request is the thread's until this is dropped: lent, so that a poll counts no references.
struct During<'a> {
    lent: &'a mut Option<Arc<Task>>,
    before: Option<Arc<Task>>,
}

impl<'a> During<'a> {
    fn begin(request: &'a mut Option<Arc<Task>>) -> Self {
        During {
            before: REQUEST.replace(request.take()),
            lent: request,
        }
    }
}

impl Drop for During<'_> {
    fn drop(&mut self) {
        *self.lent = REQUEST.replace(self.before.take());
    }
}

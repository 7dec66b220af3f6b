//! The way from what goes on with an upgraded connection back to its request.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::poll;
use crate::task::TaskParent;

thread_local! {
    /// The request whose connection is in the hands of the future that this thread polls.
    static REQUEST: RefCell<Option<TaskParent>> = const { RefCell::new(None) };
}

/// The request that the calling code is part of, to be handed on to what goes on after it.
pub fn request_context() -> RequestContext {
    RequestContext {
        request: poll::current().and_then(TaskParent::handing_on),
    }
}

/// A request on its way to what goes on with its connection.
#[derive(Debug)]
pub struct RequestContext {
    request: Option<TaskParent>,
}

impl RequestContext {
    /// Hands the request on to `future`: what is tracked in it is its child.
    pub fn wrap<F: Future>(self, future: F) -> WithContext<F> {
        WithContext {
            future,
            request: self.request,
        }
    }
}

/// The request that the calling code goes on with, if it was handed on to it.
pub(super) fn request() -> Option<TaskParent> {
    REQUEST.try_with(|request| request.borrow().clone()).ok()?
}

pin_project! {
    /// The future of [`RequestContext::wrap`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WithContext<F> {
        #[pin]
        future: F,
        request: Option<TaskParent>,
    }
}

impl<F: Future> Future for WithContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _during = During::begin(this.request);
        this.future.poll(cx)
    }
}

/// The request is the thread's until this is dropped: lent, so that a poll counts no references.
struct During<'a> {
    lent: &'a mut Option<TaskParent>,
    before: Option<TaskParent>,
}

impl<'a> During<'a> {
    fn begin(request: &'a mut Option<TaskParent>) -> Self {
        // A thread that is being torn down has no place for it any more: then it stays where it is.
        let before = REQUEST.try_with(|current| current.replace(request.take()));
        During {
            before: before.unwrap_or_default(),
            lent: request,
        }
    }
}

impl Drop for During<'_> {
    fn drop(&mut self) {
        if let Ok(lent) = REQUEST.try_with(|current| current.replace(self.before.take())) {
            *self.lent = lent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    /// Polls its future when it is dropped.
    struct PolledWhenDropped(Pin<Box<dyn Future<Output = ()>>>);

    impl Drop for PolledWhenDropped {
        fn drop(&mut self) {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(self.0.as_mut().poll(&mut cx).is_ready());
        }
    }

    thread_local! {
        static KEPT: RefCell<Option<PolledWhenDropped>> = const { RefCell::new(None) };
    }

    #[test]
    fn what_goes_on_with_a_connection_may_be_polled_while_its_thread_is_torn_down() {
        let thread = std::thread::spawn(|| {
            // Before `REQUEST`, and so torn down after it.
            KEPT.with_borrow_mut(|kept| {
                let goes_on = request_context().wrap(std::future::ready(()));
                *kept = Some(PolledWhenDropped(Box::pin(goes_on)));
            });
            assert!(request().is_none());
        });
        thread.join().expect("the thread ends");
    }
}

//! Associates the work on an upgraded connection with its request.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::poll;
use crate::task::TaskParent;

thread_local! {
    /// The request whose upgraded connection the currently polled future works on.
    static REQUEST: RefCell<Option<TaskParent>> = const { RefCell::new(None) };
}

/// Captures the current request, for work that continues after it.
pub fn request_context() -> RequestContext {
    RequestContext {
        request: poll::current().and_then(TaskParent::with_connection),
    }
}

/// The request that continues with an upgraded connection, `None` outside of one.
#[derive(Debug)]
pub struct RequestContext {
    request: Option<TaskParent>,
}

impl RequestContext {
    /// Work tracked in `future` becomes a child of the request.
    pub fn wrap<F: Future>(self, future: F) -> WithContext<F> {
        WithContext {
            future,
            request: self.request,
        }
    }
}

/// The request whose upgraded connection the calling code works on.
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
        let _current = CurrentRequest::begin(this.request);
        this.future.poll(cx)
    }
}

/// Lends the request to the thread until this is dropped: a poll then changes no reference count.
struct CurrentRequest<'a> {
    lent: &'a mut Option<TaskParent>,
    before: Option<TaskParent>,
}

impl<'a> CurrentRequest<'a> {
    fn begin(request: &'a mut Option<TaskParent>) -> Self {
        // While the thread is torn down its local is not accessible, and the request stays in
        // place.
        let before = REQUEST.try_with(|current| current.replace(request.take()));
        CurrentRequest {
            before: before.unwrap_or_default(),
            lent: request,
        }
    }
}

impl Drop for CurrentRequest<'_> {
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
    fn an_upgraded_connection_may_be_polled_while_its_thread_is_torn_down() {
        let thread = std::thread::spawn(|| {
            // Initialized before `REQUEST`, so torn down after it.
            KEPT.with_borrow_mut(|kept| {
                let goes_on = request_context().wrap(std::future::ready(()));
                *kept = Some(PolledWhenDropped(Box::pin(goes_on)));
            });
            assert!(request().is_none());
        });
        thread.join().expect("the thread ends");
    }
}

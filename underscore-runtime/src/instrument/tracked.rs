//! The future of one request: polls the handler, keeps its stack, and ends it when an order comes.

use std::pin::Pin;
use std::task::{Context, Poll, RawWakerVTable, Waker};

use axum::http::StatusCode;
use axum::response::Response;
use pin_project_lite::pin_project;

use super::answer;
use super::call::Answer;
use super::context;
use super::guard::Guard;
use crate::stack::Keys;
use crate::stats::Outcome;
use crate::task::Task;

pin_project! {
    /// A handler's future with its task. The task is entered when this is made and struck off when this
    /// resolves or is dropped.
    #[project = Projected]
    pub(super) struct Tracked<F: Future> {
        // Dropped at the end, in whatever way it comes, with the task current: see `end`.
        #[pin]
        future: Option<F>,
        guard: Option<Guard>,
        keys: Keys,
        waker: WakerIdentity,
    }

    impl<F: Future> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            this.project().drop_future();
        }
    }
}

impl<F: Future<Output = Answer>> Tracked<F> {
    /// Enters `task`; `future` does its work.
    #[inline]
    pub(super) fn new(task: Task, future: F) -> Self {
        Tracked {
            future: Some(future),
            guard: Some(Guard::enter(task)),
            keys: Keys::new(),
            waker: WakerIdentity::none(),
        }
    }
}

impl<F: Future<Output = Answer>> Future for Tracked<F> {
    type Output = Response;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let mut this = self.project();
        let Some(guard) = this.guard.as_mut() else {
            // Polled again after the end, which no executor does: there is no second answer.
            return Poll::Pending;
        };
        let signal = &guard.task().signal;
        if signal.is_ordered() {
            return Poll::Ready(this.interrupt());
        }
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let reference = guard.reference();
        let mut poll = context::Poll::enter(guard.task(), reference, this.keys);
        match future.poll(cx) {
            Poll::Ready(Ok(response) | Err(response)) => {
                this.future.set(None);
                poll.leave();
                end(this.guard, Outcome::Completed, response.status());
                Poll::Ready(response)
            }
            Poll::Pending => {
                poll.commit();
                poll.leave();
                // The waker is left once, as long as it stays the same. An order that comes after wakes
                // it, one that came before is seen here.
                if this.waker.replaced_by(cx.waker()) && signal.leave_waker(cx.waker()) {
                    return Poll::Ready(this.interrupt());
                }
                Poll::Pending
            }
        }
    }
}

impl<F: Future> Projected<'_, F> {
    /// Drops the handler at this moment, with all it holds, and answers in its place.
    #[cold]
    fn interrupt(&mut self) -> Response {
        let order = self
            .guard
            .as_ref()
            .and_then(|guard| guard.task().signal.order());
        self.drop_future();
        let response = answer::interrupted(order.as_ref());
        end(self.guard, Outcome::Interrupted, response.status());
        response
    }

    /// Drops the future as part of its task, so that its awaits leave the stack without a search.
    fn drop_future(&mut self) {
        match &self.guard {
            Some(guard) if self.future.is_some() => {
                let poll = context::Poll::enter(guard.task(), guard.reference(), self.keys);
                self.future.set(None);
                poll.leave();
            }
            _ => {}
        }
    }
}

/// Ends the task before its response is given away: a client that has its answer does not find the
/// task in a list any more.
#[inline]
fn end(guard: &mut Option<Guard>, outcome: Outcome, status: StatusCode) {
    if let Some(mut guard) = guard.take() {
        guard.answered(outcome, status);
    }
}

/// Tells whether a waker is the one that was left, without keeping a second copy of it.
///
/// Two wakers that point to the same data with the same functions wake the same task. The copy that
/// was left keeps that data alive, so another task's waker cannot come to have its address.
#[derive(Debug)]
struct WakerIdentity {
    data: usize,
    vtable: Option<&'static RawWakerVTable>,
}

impl WakerIdentity {
    const fn none() -> Self {
        WakerIdentity {
            data: 0,
            vtable: None,
        }
    }

    /// Remembers `waker`, and says whether it is another one than before.
    #[inline]
    fn replaced_by(&mut self, waker: &Waker) -> bool {
        let (data, vtable) = (waker.data() as usize, waker.vtable());
        let same = self.vtable.is_some_and(|mine| std::ptr::eq(mine, vtable)) && self.data == data;
        if !same {
            (self.data, self.vtable) = (data, Some(vtable));
        }
        !same
    }
}

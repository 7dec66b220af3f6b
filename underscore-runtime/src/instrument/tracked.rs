//! A task under way: polls the futures that do its work, one after the other, keeps its stack, and ends
//! it when an order comes.

use std::pin::Pin;
use std::task::{Context, Poll, RawWakerVTable, Waker};

use axum::http::StatusCode;
use axum::response::Response;
use pin_project_lite::pin_project;

use super::guard::Guard;
use super::{answer, context};
use crate::stack::Keys;
use crate::stats::Outcome;
use crate::task::Task;

/// What a task keeps from poll to poll, and from one of its futures to the next.
#[derive(Debug)]
pub(super) struct Tracking {
    guard: Guard,
    keys: Keys,
    waker: WakerIdentity,
}

/// How one of a task's futures ended.
pub(super) enum Step<T> {
    /// By itself: the task goes on with its next future, or is answered.
    Done(T, Tracking),
    /// By an order; this is the answer, and the task is over.
    Interrupted(Response),
}

pin_project! {
    /// One of the futures that do a task's work. Dropped before its end, it ends the task.
    #[project = Projected]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub(super) struct Tracked<F: Future> {
        // Dropped at the end, in whatever way it comes, with the task current: see `drop_future`.
        #[pin]
        future: Option<F>,
        tracking: Option<Tracking>,
    }

    impl<F: Future> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            this.project().drop_future();
        }
    }
}

impl Tracking {
    /// Enters `task`: from now on it is listed, until this is dropped.
    #[inline]
    pub(super) fn enter(task: Task) -> Self {
        Tracking {
            guard: Guard::enter(task),
            keys: Keys::new(),
            waker: WakerIdentity::none(),
        }
    }

    /// Ends the task before its response is given away: a client that has its answer does not find the
    /// task in a list any more.
    #[inline]
    pub(super) fn end(mut self, outcome: Outcome, status: StatusCode) {
        self.guard.answered(outcome, status);
    }
}

impl<F: Future> Tracked<F> {
    /// `future` does the work of the task from here on.
    #[inline]
    pub(super) fn new(tracking: Tracking, future: F) -> Self {
        Tracked {
            future: Some(future),
            tracking: Some(tracking),
        }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = Step<F::Output>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Step<F::Output>> {
        let mut this = self.project();
        let Some(Tracking { guard, keys, waker }) = this.tracking.as_mut() else {
            // Polled again after the end, which no executor does: there is no second answer.
            return Poll::Pending;
        };
        let signal = &guard.task().signal;
        if signal.is_ordered() {
            return this.interrupt();
        }
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let mut poll = context::Poll::enter(guard.task(), guard.reference(), keys);
        match future.poll(cx) {
            Poll::Ready(output) => {
                this.future.set(None);
                poll.hand_on();
                match this.tracking.take() {
                    Some(tracking) => Poll::Ready(Step::Done(output, tracking)),
                    None => Poll::Pending,
                }
            }
            Poll::Pending => {
                poll.commit();
                poll.leave();
                // The waker is left once, as long as it stays the same. An order that comes after wakes
                // it, one that came before is seen here.
                if waker.replaced_by(cx.waker()) && signal.leave_waker(cx.waker()) {
                    return this.interrupt();
                }
                Poll::Pending
            }
        }
    }
}

impl<F: Future> Projected<'_, F> {
    /// Drops the future at this moment, with all it holds, and answers in its place.
    #[cold]
    fn interrupt(&mut self) -> Poll<Step<F::Output>> {
        self.drop_future();
        let Some(tracking) = self.tracking.take() else {
            return Poll::Pending;
        };
        let order = tracking.guard.task().signal.order();
        let response = answer::interrupted(order.as_ref());
        tracking.end(Outcome::Interrupted, response.status());
        Poll::Ready(Step::Interrupted(response))
    }

    /// Drops the future as part of its task, so that its awaits leave the stack without a search.
    fn drop_future(&mut self) {
        if let (Some(_), Some(tracking)) = (&*self.future, self.tracking.as_mut()) {
            let Tracking { guard, keys, .. } = tracking;
            let poll = context::Poll::enter(guard.task(), guard.reference(), keys);
            self.future.set(None);
            poll.leave();
        }
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

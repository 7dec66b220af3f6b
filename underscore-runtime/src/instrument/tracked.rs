//! A task under way: polls the futures that do its work, one after the other, keeps its stack, and ends
//! it when an order comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::context;
use super::guard::Guard;

/// How one of a task's futures ended.
pub(super) enum Step<T> {
    /// By itself: the task goes on with its next future, or is answered.
    Done(T, Guard),
    /// By an order: the future is gone, and the task is over once it has its answer.
    Interrupted(Guard),
}

/// What a task does for a while.
pub(super) trait Work<T> {
    /// Does some of it.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T>;

    /// Drops what there is of it.
    fn clear(self: Pin<&mut Self>);
}

impl<F: Future> Work<F::Output> for Option<F> {
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.as_pin_mut() {
            Some(future) => future.poll(cx),
            None => Poll::Pending,
        }
    }

    #[inline]
    fn clear(mut self: Pin<&mut Self>) {
        self.set(None);
    }
}

/// Polls the work of the task that `guard` keeps; there is none once the task is over, or has gone on.
#[inline]
pub(super) fn drive<T, W: Work<T> + ?Sized>(
    guard: &mut Option<Guard>,
    mut work: Pin<&mut W>,
    cx: &mut Context<'_>,
) -> Poll<Step<T>> {
    let Some(kept) = guard else {
        // Polled again after the end, which no executor does: there is no second answer.
        return Poll::Pending;
    };
    let signal = &kept.task().signal;
    if signal.is_ordered() {
        return interrupt(guard, work);
    }
    let mut poll = context::Poll::enter(kept.task());
    match work.as_mut().poll(cx) {
        Poll::Ready(output) => {
            work.clear();
            poll.hand_on();
            drop(poll);
            match guard.take() {
                Some(guard) => Poll::Ready(Step::Done(output, guard)),
                None => Poll::Pending,
            }
        }
        Poll::Pending => {
            poll.commit();
            poll.leave();
            drop(poll);
            // The waker is left once, as long as it stays the same. An order that comes after wakes
            // it, one that came before is seen here.
            if kept.task().own.replace_waker(cx.waker()) && signal.leave_waker(cx.waker()) {
                return interrupt(guard, work);
            }
            Poll::Pending
        }
    }
}

/// Drops the work at this moment, with all it holds.
#[cold]
fn interrupt<T, W: Work<T> + ?Sized>(
    guard: &mut Option<Guard>,
    work: Pin<&mut W>,
) -> Poll<Step<T>> {
    abandon(guard.as_ref(), work);
    match guard.take() {
        Some(guard) => Poll::Ready(Step::Interrupted(guard)),
        None => Poll::Pending,
    }
}

/// Drops the work as part of its task, so that its awaits leave the stack without a search. Without a guard
/// there is nothing left of it.
pub(super) fn abandon<T, W: Work<T> + ?Sized>(guard: Option<&Guard>, work: Pin<&mut W>) {
    if let Some(guard) = guard {
        context::within(guard.task(), || work.clear());
    }
}

pin_project! {
    /// One of the futures that do a task's work. Dropped before its end, it ends the task.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub(super) struct Tracked<F: Future> {
        // Dropped at the end, in whatever way it comes, with the task current: see `abandon`.
        #[pin]
        future: Option<F>,
        guard: Option<Guard>,
    }

    impl<F: Future> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            abandon::<F::Output, _>(this.guard.as_ref(), this.future);
        }
    }
}

impl<F: Future> Tracked<F> {
    /// Whether the task is over, or goes on with another future.
    pub(super) fn is_over(&self) -> bool {
        self.guard.is_none()
    }

    /// `future` does the work of the task from here on.
    #[inline]
    pub(super) fn new(guard: Guard, future: F) -> Self {
        Tracked {
            future: Some(future),
            guard: Some(guard),
        }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = Step<F::Output>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Step<F::Output>> {
        let this = self.project();
        drive(this.guard, this.future, cx)
    }
}

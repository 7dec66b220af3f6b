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

pin_project! {
    /// One of the futures that do a task's work. Dropped before its end, it ends the task.
    #[project = Projected]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub(super) struct Tracked<F: Future> {
        // Dropped at the end, in whatever way it comes, with the task current: see `drop_future`.
        #[pin]
        future: Option<F>,
        guard: Option<Guard>,
    }

    impl<F: Future> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            this.project().drop_future();
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
        let mut this = self.project();
        let Some(guard) = this.guard.as_ref() else {
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
        let mut poll = context::Poll::enter(guard.task());
        match future.poll(cx) {
            Poll::Ready(output) => {
                this.future.set(None);
                poll.hand_on();
                match this.guard.take() {
                    Some(guard) => Poll::Ready(Step::Done(output, guard)),
                    None => Poll::Pending,
                }
            }
            Poll::Pending => {
                poll.commit();
                poll.leave();
                // The waker is left once, as long as it stays the same. An order that comes after wakes
                // it, one that came before is seen here.
                if guard.task().own.replace_waker(cx.waker()) && signal.leave_waker(cx.waker()) {
                    return this.interrupt();
                }
                Poll::Pending
            }
        }
    }
}

impl<F: Future> Projected<'_, F> {
    /// Drops the future at this moment, with all it holds.
    #[cold]
    fn interrupt(&mut self) -> Poll<Step<F::Output>> {
        self.drop_future();
        match self.guard.take() {
            Some(guard) => Poll::Ready(Step::Interrupted(guard)),
            None => Poll::Pending,
        }
    }

    /// Drops the future as part of its task, so that its awaits leave the stack without a search.
    fn drop_future(&mut self) {
        if let (Some(_), Some(guard)) = (&*self.future, &*self.guard) {
            let poll = context::Poll::enter(guard.task());
            self.future.set(None);
            poll.leave();
        }
    }
}

//! A task under way: polls the futures that do its work, one after the other, keeps its stack, and ends
//! it when it is interrupted.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::guard::Guard;
use super::scope::PollScope;

/// How one of a task's futures ended.
pub(crate) enum StageEnd<T> {
    /// By itself: the task goes on with its next future, or is answered.
    Done(T, Guard),
    /// By an interrupt: the future is gone, and the task is over once it has its answer.
    Interrupted(Guard),
}

/// One of a task's futures, which can be dropped in its place.
pub(crate) trait Stage<T> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T>;

    /// Drops what there is of it.
    fn clear(self: Pin<&mut Self>);
}

impl<F: Future> Stage<F::Output> for Option<F> {
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

#[cfg(debug_assertions)]
impl<T, S: Stage<T> + ?Sized> Stage<T> for Pin<Box<S>> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.as_deref_mut().poll(cx)
    }

    fn clear(self: Pin<&mut Self>) {
        self.as_deref_mut().clear();
    }
}

/// Polls a stage of the task that `guard` keeps. There is no guard once the task is over, or has
/// gone on to its next stage.
#[inline]
pub(crate) fn poll_stage<T, S: Stage<T>>(
    guard: &mut Option<Guard>,
    mut stage: Pin<&mut S>,
    cx: &mut Context<'_>,
) -> Poll<StageEnd<T>> {
    let Some(kept) = guard else {
        // Polled again after the end, which no executor does: there is no second answer.
        return Poll::Pending;
    };
    let task = kept.task();
    if task.is_signalled() && task.take_signal() {
        return interrupt(guard, stage);
    }
    let scope = PollScope::enter(task);
    match stage.as_mut().poll(cx) {
        Poll::Ready(output) => {
            stage.clear();
            scope.finish();
            match guard.take() {
                Some(guard) => Poll::Ready(StageEnd::Done(output, guard)),
                None => Poll::Pending,
            }
        }
        Poll::Pending => {
            scope.commit();
            scope.exit();
            // Registered once, as long as it stays the same: an interrupt that comes after wakes
            // it, one that came before is seen here.
            if task.replace_waker(cx.waker()) && task.register_waker(cx.waker()) {
                return interrupt(guard, stage);
            }
            Poll::Pending
        }
    }
}

/// Drops the stage at this moment, with all that it holds.
#[cold]
fn interrupt<T, S: Stage<T>>(guard: &mut Option<Guard>, stage: Pin<&mut S>) -> Poll<StageEnd<T>> {
    drop_in_task(guard.as_ref(), stage);
    match guard.take() {
        Some(guard) => Poll::Ready(StageEnd::Interrupted(guard)),
        None => Poll::Pending,
    }
}

/// Drops the stage as part of its task, so that its awaits leave the stack without a search.
/// Without a guard there is nothing left of it.
#[inline]
pub(crate) fn drop_in_task<T, S: Stage<T>>(guard: Option<&Guard>, stage: Pin<&mut S>) {
    if let Some(guard) = guard {
        let scope = PollScope::enter(guard.task());
        stage.clear();
        scope.abandon();
    }
}

pin_project! {
    /// A stage with its task. Dropped before its end, it ends the task.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub(crate) struct Tracked<F: Future> {
        // Dropped at the end, in whatever way it comes, with the task current: see `drop_in_task`.
        #[pin]
        future: Option<F>,
        guard: Option<Guard>,
    }

    impl<F: Future> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            drop_in_task::<F::Output, _>(this.guard.as_ref(), this.future);
        }
    }
}

impl<F: Future> Tracked<F> {
    /// `future` does the work of the task from here on.
    #[inline]
    pub(crate) fn new(guard: Guard, future: F) -> Self {
        Tracked {
            future: Some(future),
            guard: Some(guard),
        }
    }

    /// True if the task is over, or goes on with another future.
    pub(crate) fn is_over(&self) -> bool {
        self.guard.is_none()
    }

    /// The task.
    #[inline]
    pub(crate) fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = StageEnd<F::Output>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<StageEnd<F::Output>> {
        let this = self.project();
        poll_stage(this.guard, this.future, cx)
    }
}

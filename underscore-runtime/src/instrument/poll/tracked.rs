//! Drives a task: polls the futures that do its work, one after the other, keeps its stack, and
//! ends it when it is interrupted.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::guard::Guard;
use super::scope::PollScope;

/// The end of one of a task's futures.
pub(crate) enum StageEnd<T> {
    /// It completed: the task continues with its next future, or has its response.
    Done(T, Guard),
    /// It was interrupted and dropped: the task ends once it has its response.
    Interrupted(Guard),
    /// It completed, in the poll of a task whose guard it does not have.
    Unguarded(T),
}

/// One of a task's futures, which can be dropped in place.
pub(crate) trait Stage<T> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T>;

    /// Drops it in place.
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

/// Polls a stage of the task of `guard`, which is `None` if the stage is polled within its task,
/// and once the task has ended or continued with its next stage.
#[inline]
pub(crate) fn poll_stage<T, S: Stage<T>>(
    guard: &mut Option<Guard>,
    mut stage: Pin<&mut S>,
    cx: &mut Context<'_>,
) -> Poll<StageEnd<T>> {
    let scope = match guard.as_ref().map(Guard::task) {
        Some(task) if task.is_signalled() && task.take_signal() => return interrupt(guard, stage),
        task => task.map(PollScope::enter),
    };
    // The only call, with and without a guard: two would not be inlined.
    match stage.as_mut().poll(cx) {
        Poll::Ready(output) => {
            stage.clear();
            if let Some(scope) = scope {
                scope.finish();
            }
            Poll::Ready(match guard.take() {
                Some(guard) => StageEnd::Done(output, guard),
                None => StageEnd::Unguarded(output),
            })
        }
        Poll::Pending => {
            if let Some(scope) = scope
                && let Some(task) = guard.as_ref().map(Guard::task)
            {
                scope.commit();
                scope.exit();
                // Registered once while it stays the same. A later interrupt wakes it, an earlier
                // one is seen here.
                if task.replace_waker(cx.waker()) && task.register_waker(cx.waker()) {
                    return interrupt(guard, stage);
                }
            }
            Poll::Pending
        }
    }
}

/// Drops the stage at once, with everything it owns.
#[cold]
fn interrupt<T, S: Stage<T>>(guard: &mut Option<Guard>, stage: Pin<&mut S>) -> Poll<StageEnd<T>> {
    drop_in_task(guard.as_ref(), stage);
    match guard.take() {
        Some(guard) => Poll::Ready(StageEnd::Interrupted(guard)),
        None => Poll::Pending,
    }
}

/// Drops the stage as part of its task, so that its awaits leave the stack without a search.
/// Without a guard, the stage has been dropped already.
#[inline]
pub(crate) fn drop_in_task<T, S: Stage<T>>(guard: Option<&Guard>, stage: Pin<&mut S>) {
    if let Some(guard) = guard {
        let scope = PollScope::enter(guard.task());
        stage.clear();
        scope.discard();
    }
}

pin_project! {
    /// A stage with its task. Dropped before completion, it ends the task.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub(crate) struct Tracked<F: Future> {
        // Always dropped with the task current: see `drop_in_task`.
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
    /// Continues the task of `guard` with `future`. Without a guard, `future` runs within the task
    /// that polls it.
    #[inline]
    pub(crate) fn new(guard: impl Into<Option<Guard>>, future: F) -> Self {
        Tracked {
            future: Some(future),
            guard: guard.into(),
        }
    }

    /// True if the task has ended or continues with another future.
    pub(crate) fn is_over(&self) -> bool {
        self.guard.is_none()
    }

    /// The task, `None` after completion.
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

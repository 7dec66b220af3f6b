//! The future that wraps every `.await` of an annotated function.

use std::any::type_name;
use std::future::IntoFuture;
use std::mem::needs_drop;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;
use pin_project_lite::pin_project;

use super::acquired;
use super::frame_slot::FrameSlot;
use crate::guards;
use crate::stack::AwaitPoint;

/// Awaits `future` at `point`: from its first `Pending` until it completes or is dropped, the point
/// is in the stack of the task that polls it. Outside a task it only awaits.
///
/// # Cancel safety
///
/// The same as that of `future`.
#[inline]
pub fn at<F: IntoFuture>(future: F, point: &'static AwaitPoint) -> At<F::IntoFuture> {
    At {
        future: future.into_future(),
        point,
        kind: Plain,
        frame: FrameSlot::new(),
    }
}

/// As [`at`], for a future that waits for the lock with this address.
#[inline]
pub fn at_lock<F: IntoFuture>(
    lock: usize,
    future: F,
    point: &'static AwaitPoint,
) -> At<F::IntoFuture, OfLock> {
    At {
        future: future.into_future(),
        point,
        kind: OfLock(lock),
        frame: FrameSlot::new(),
    }
}

/// As [`at_lock`], for a future whose output is bound to a variable or returned. If it is a guard,
/// the thread notes where it was acquired. `lock` is zero if it is unknown.
#[inline]
pub fn at_guard<F: IntoFuture>(
    lock: usize,
    future: F,
    point: &'static AwaitPoint,
) -> At<F::IntoFuture, OfGuard> {
    At {
        future: future.into_future(),
        point,
        kind: OfGuard(lock),
        frame: FrameSlot::new(),
    }
}

/// The kind of an await.
pub trait AwaitKind: Copy {
    /// True if its output may be a guard that the task keeps.
    const GIVES_GUARD: bool;

    /// The address of the lock that it waits for, zero if it is unknown.
    fn lock(self) -> usize;
}

/// Of no known lock.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

/// Of a lock with this address.
#[derive(Clone, Copy, Debug)]
pub struct OfLock(usize);

/// Of a guard whose lock has this address.
#[derive(Clone, Copy, Debug)]
pub struct OfGuard(usize);

impl AwaitKind for Plain {
    const GIVES_GUARD: bool = false;

    #[inline]
    fn lock(self) -> usize {
        0
    }
}

impl AwaitKind for OfLock {
    const GIVES_GUARD: bool = false;

    #[inline]
    fn lock(self) -> usize {
        self.0
    }
}

impl AwaitKind for OfGuard {
    const GIVES_GUARD: bool = true;

    #[inline]
    fn lock(self) -> usize {
        self.0
    }
}

pin_project! {
    /// The future of [`at`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct At<F, K = Plain> {
        #[pin]
        future: F,
        point: &'static AwaitPoint,
        kind: K,
        frame: FrameSlot,
    }
}

fn type_names<F: Future>() -> (&'static str, &'static str) {
    (type_name::<F>(), type_name::<F::Output>())
}

impl<F: Future, K: AwaitKind> Future for At<F, K> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let guard = this.frame.enter(this.point);
        let polled = this.future.poll(cx);
        match &polled {
            Poll::Ready(_) => {
                if K::GIVES_GUARD
                    && needs_drop::<F::Output>()
                    && guards::is_in(type_name::<F::Output>())
                {
                    acquired::note_await(&guard, this.point, this.kind.lock());
                }
                this.frame.finish(guard);
            }
            Poll::Pending => {
                let lock = this.kind.lock();
                if lock == 0 {
                    this.frame.pend(guard, this.point, type_names::<F>);
                } else {
                    this.frame
                        .pend_for_lock(guard, this.point, type_names::<F>, lock);
                }
            }
        }
        polled
    }
}

/// Required for each branch by the `select!` of the crate futures.
impl<F: FusedFuture, K: AwaitKind> FusedFuture for At<F, K> {
    fn is_terminated(&self) -> bool {
        self.future.is_terminated()
    }
}

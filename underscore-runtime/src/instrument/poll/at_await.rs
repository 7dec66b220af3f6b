//! The future that wraps every `.await` of an annotated function.

use std::any::type_name;
use std::future::IntoFuture;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;
use pin_project_lite::pin_project;

use super::frame_slot::FrameSlot;
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
        frame: FrameSlot::new(),
    }
}

pin_project! {
    /// The future of [`at`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct At<F> {
        #[pin]
        future: F,
        point: &'static AwaitPoint,
        frame: FrameSlot,
    }
}

impl<F: Future> Future for At<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let guard = this.frame.enter(this.point);
        let polled = this.future.poll(cx);
        match &polled {
            Poll::Ready(_) => this.frame.finish(guard),
            Poll::Pending => this.frame.pend(guard, this.point, type_name::<F>),
        }
        polled
    }
}

/// Required for each branch by the `select!` of the crate futures.
impl<F: FusedFuture> FusedFuture for At<F> {
    fn is_terminated(&self) -> bool {
        self.future.is_terminated()
    }
}

//! Runs the handler of a call, and ends its task with the response.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;

use super::begin::EarlyResponse;
use crate::instrument::body::track_body;
use crate::instrument::poll::{Guard, PollScope, Stage, drop_in_task};
use crate::instrument::record::HandlerPart;
use crate::instrument::request::{Protocol, interrupted};

pin_project! {
    /// The run of a call.
    pub(super) struct HandlerFuture<S>
    where
        S: Stage<Response>,
    {
        #[pin]
        pub(super) stage: S,
        pub(super) guard: Option<Guard>,
        pub(super) unguarded: Unguarded,
    }

    impl<S> PinnedDrop for HandlerFuture<S>
    where
        S: Stage<Response>,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            drop_in_task(this.guard.as_ref(), this.stage);
        }
    }
}

/// The state of a call without a guard.
pub(super) enum Unguarded {
    /// There is a response already.
    Answered(EarlyResponse),
    /// The guard of its task is a layer's.
    TakenOver(HandlerPart),
    /// It has returned its response.
    Over,
}

impl<S: Stage<Response>> Future for HandlerFuture<S> {
    type Output = Response;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let this = self.project();
        poll_handler(this.guard, this.stage, this.unguarded, cx)
    }
}

/// Polls the run of a call. Repeats `poll_stage` instead of calling it: a response is large and
/// stays in place.
#[inline]
fn poll_handler<S: Stage<Response>>(
    guard: &mut Option<Guard>,
    mut stage: Pin<&mut S>,
    unguarded: &mut Unguarded,
    cx: &mut Context<'_>,
) -> Poll<Response> {
    let Some(kept) = guard else {
        return poll_unguarded(stage, unguarded, cx);
    };
    let task = kept.task();
    if task.is_signalled() && task.take_signal() {
        return interrupt(guard, stage);
    }
    let scope = PollScope::enter(task);
    let mut polled = stage.as_mut().poll(cx);
    let Poll::Ready(response) = &mut polled else {
        scope.commit();
        scope.exit();
        if task.replace_waker(cx.waker()) && task.register_waker(cx.waker()) {
            return interrupt(guard, stage);
        }
        // Not `polled`, which has space for a response and would be moved.
        return Poll::Pending;
    };
    stage.clear();
    // Read while the task is polled, because it runs the host's code.
    let length = response.body().size_hint().exact();
    scope.finish();
    if let Some(guard) = guard.take() {
        track_body(guard, response, length);
    }
    polled
}

#[cold]
#[inline(never)]
fn poll_unguarded<S: Stage<Response>>(
    mut stage: Pin<&mut S>,
    unguarded: &mut Unguarded,
    cx: &mut Context<'_>,
) -> Poll<Response> {
    if let Unguarded::TakenOver(part) = unguarded {
        let response = ready!(part.poll(|| {
            let polled = stage.as_mut().poll(cx);
            if polled.is_ready() {
                stage.as_mut().clear();
            }
            polled
        }));
        *unguarded = Unguarded::Over;
        return Poll::Ready(response);
    }
    match std::mem::replace(unguarded, Unguarded::Over) {
        Unguarded::Answered(answer) => Poll::Ready(answer()),
        // Polled after completion, which no executor does: there is no second response.
        Unguarded::TakenOver(_) | Unguarded::Over => Poll::Pending,
    }
}

#[cold]
#[inline(never)]
fn interrupt<S: Stage<Response>>(guard: &mut Option<Guard>, stage: Pin<&mut S>) -> Poll<Response> {
    drop_in_task(guard.as_ref(), stage);
    match guard.take() {
        Some(guard) => Poll::Ready(interrupted(guard, Protocol::Http)),
        None => Poll::Pending,
    }
}

pin_project! {
    /// The handler's own future. The handler is called in the first poll, so that all of its code
    /// runs in the task.
    #[project = HandlerStageProjected]
    pub(super) enum HandlerStage<F, A, R> {
        Ready { handler: F, arguments: Option<A> },
        Running { #[pin] future: R },
        Done,
    }
}

impl<F, A, R> Stage<Response> for HandlerStage<F, A, R>
where
    F: Fn(A) -> R,
    R: Future<Output: IntoResponse>,
{
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        if let HandlerStageProjected::Ready { handler, arguments } = self.as_mut().project() {
            let Some(arguments) = arguments.take() else {
                return Poll::Pending;
            };
            let future = handler(arguments);
            self.set(HandlerStage::Running { future });
        }
        match self.project() {
            HandlerStageProjected::Running { future } => {
                future.poll(cx).map(IntoResponse::into_response)
            }
            _ => Poll::Pending,
        }
    }

    #[inline]
    fn clear(mut self: Pin<&mut Self>) {
        self.set(HandlerStage::Done);
    }
}

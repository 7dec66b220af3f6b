//! The call of a handler: the only extractor of the function that an annotated handler becomes. Its
//! extraction admits the request, begins the task and extracts the arguments; the function then
//! runs the handler. Both are polled inside the one future that axum boxes anyway.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;

use super::annotated::{Annotated, Via};
use super::begin::{CallState, begin};
use super::erased::{erased_future, erased_stage};
use super::extract::Extract;
use super::run::{HandlerFuture, HandlerStage, Unguarded};
use crate::instrument::poll::Stage;

/// A call of the handler that `H` names, with the arguments `A`.
#[must_use = "a call does nothing unless it is run"]
pub struct Call<H, A> {
    begun: CallState<A>,
    handler: PhantomData<fn() -> H>,
}

impl<S, M, H, A> FromRequest<S, Via<M>> for Call<H, A>
where
    S: Send + Sync,
    M: 'static,
    H: Annotated,
    A: Extract<S, M> + Send + 'static,
{
    type Rejection = Infallible;

    /// Not an `async fn`, which would move the request once more, into its future.
    #[inline]
    fn from_request(
        request: Request,
        state: &S,
    ) -> impl Future<Output = Result<Self, Infallible>> + Send {
        Extraction {
            begin: erased_future(begin(H::ENTRY, request, state)),
            handler: PhantomData,
        }
    }
}

impl<H, A> Call<H, A> {
    /// Runs the handler, or returns the response that there is already.
    #[inline]
    pub fn run<'a, F, R>(self, handler: F) -> impl Future<Output = Response>
    where
        F: Fn(A) -> R + Send + 'a,
        R: Future<Output: IntoResponse> + Send + 'a,
        A: Send + 'a,
    {
        self.run_stage(erased_stage, handler)
    }

    /// Like [`run`](Self::run), for a generic handler, whose future may be `Send` for some types
    /// and not for others.
    #[inline]
    pub fn run_generic<F, R>(self, handler: F) -> impl Future<Output = Response>
    where
        F: Fn(A) -> R,
        R: Future<Output: IntoResponse>,
    {
        self.run_stage(|begun| begun, handler)
    }

    #[inline]
    fn run_stage<F, R, S>(
        self,
        stage: impl FnOnce(HandlerStage<F, A, R>) -> S,
        handler: F,
    ) -> HandlerFuture<S>
    where
        S: Stage<Response>,
    {
        let (guard, arguments, unguarded) = match self.begun {
            CallState::Ready { arguments, guard } => {
                guard.task().enter_handler();
                (Some(guard), Some(arguments), Unguarded::Over)
            }
            CallState::TakenOver { arguments, part } => {
                part.enter_handler();
                (None, Some(arguments), Unguarded::TakenOver(part))
            }
            CallState::Answered(answered) => (None, None, Unguarded::Answered(answered)),
        };
        HandlerFuture {
            stage: stage(HandlerStage::Ready { handler, arguments }),
            guard,
            unguarded,
        }
    }
}

pin_project! {
    /// The extraction of a call of one handler.
    struct Extraction<H, F> {
        #[pin]
        begin: F,
        handler: PhantomData<fn() -> H>,
    }
}

impl<H, A, F> Future for Extraction<H, F>
where
    F: Future<Output = CallState<A>>,
{
    type Output = Result<Call<H, A>, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let begun = ready!(self.project().begin.poll(cx));
        Poll::Ready(Ok(Call {
            begun,
            handler: PhantomData,
        }))
    }
}

impl<H, A> fmt::Debug for Call<H, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

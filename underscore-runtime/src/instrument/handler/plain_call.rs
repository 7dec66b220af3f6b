//! The call of a handler without the feature `admin`: extracts the arguments and runs the handler,
//! as axum does for a plain function. Signatures and bounds are those of `call`.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;

use super::annotated::{Annotated, Via};
use super::extract::Extract;

/// A call of the handler that `H` names, with the arguments `A`.
#[must_use = "a call does nothing unless it is run"]
pub struct Call<H, A> {
    arguments: A,
    handler: PhantomData<fn() -> H>,
}

impl<S, M, H, A> FromRequest<S, Via<M>> for Call<H, A>
where
    S: Send + Sync,
    M: 'static,
    H: Annotated,
    A: Extract<S, M> + Send + 'static,
{
    type Rejection = Response;

    #[inline]
    fn from_request(
        request: Request,
        state: &S,
    ) -> impl Future<Output = Result<Self, Response>> + Send {
        Extraction {
            arguments: A::extract(request, state, &[]),
            handler: PhantomData,
        }
    }
}

impl<H, A> Call<H, A> {
    /// Runs the handler.
    #[inline]
    pub fn run<'a, F, R>(self, handler: F) -> impl Future<Output = Response>
    where
        F: Fn(A) -> R + Send + 'a,
        R: Future<Output: IntoResponse> + Send + 'a,
        A: Send + 'a,
    {
        self.run_generic(handler)
    }

    /// As [`run`](Self::run), for a generic handler: its future may be `Send` for some types and
    /// not for others.
    #[inline]
    pub fn run_generic<F, R>(self, handler: F) -> impl Future<Output = Response>
    where
        F: Fn(A) -> R,
        R: Future<Output: IntoResponse>,
    {
        HandlerFuture {
            future: handler(self.arguments),
        }
    }
}

pin_project! {
    /// The extraction of a call. Not an `async` block, which would have space for the request
    /// beside the future that takes it.
    struct Extraction<H, F> {
        #[pin]
        arguments: F,
        handler: PhantomData<fn() -> H>,
    }
}

impl<H, A, F> Future for Extraction<H, F>
where
    F: Future<Output = Result<A, Response>>,
{
    type Output = Result<Call<H, A>, Response>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let extracted = self.project().arguments.poll(cx);
        extracted.map_ok(|arguments| Call {
            arguments,
            handler: PhantomData,
        })
    }
}

pin_project! {
    /// The run of a call. Not an `async` block, which would check its own state in each poll.
    struct HandlerFuture<R> {
        #[pin]
        future: R,
    }
}

impl<R: Future<Output: IntoResponse>> Future for HandlerFuture<R> {
    type Output = Response;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        self.project()
            .future
            .poll(cx)
            .map(IntoResponse::into_response)
    }
}

impl<H, A> fmt::Debug for Call<H, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

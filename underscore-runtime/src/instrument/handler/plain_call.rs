//! The call of a handler without the feature `admin`: extracts the arguments and runs the handler,
//! as axum does for a plain function. Signatures and bounds are those of `call`.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};

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
        let extraction = A::extract(request, state, &[]);
        async move {
            let arguments = extraction.await?;
            Ok(Call {
                arguments,
                handler: PhantomData,
            })
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
        let future = handler(self.arguments);
        async move { future.await.into_response() }
    }
}

impl<H, A> fmt::Debug for Call<H, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

//! Extracts a handler's arguments as a tuple, in axum's order and with axum's traits.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;

use crate::instrument::body::watch_body;
use crate::instrument::poll::{At, at};
use crate::stack::AwaitPoint;

/// The arguments of a handler. `M` is axum's marker for whether the last one consumes the body.
#[diagnostic::on_unimplemented(
    message = "the arguments `{Self}` cannot be extracted with the state `{S}`",
    note = "every argument must implement `FromRequestParts<{S}>`, the last one may implement `FromRequest<{S}>`",
    note = "the arguments' state must be the router's: see `Router::with_state`"
)]
pub trait Extract<S, M>: Sized {
    /// Extracts them one after the other; a rejection is a response. `points` are the places of the
    /// arguments in the source: a request can be stuck at each.
    fn extract(
        request: Request,
        state: &S,
        points: &'static [AwaitPoint],
    ) -> impl Future<Output = Result<Self, Response>> + Send;

    /// `Some` if there are no arguments to extract.
    #[inline]
    fn empty() -> Option<Self> {
        None
    }
}

impl<S: Sync> Extract<S, ()> for () {
    fn extract(
        _: Request,
        _: &S,
        _: &'static [AwaitPoint],
    ) -> impl Future<Output = Result<Self, Response>> + Send {
        NoArguments
    }

    #[inline]
    fn empty() -> Option<Self> {
        Some(())
    }
}

/// The extraction of no arguments, used after a delay. Without fields, because each call contains
/// it.
struct NoArguments;

impl Future for NoArguments {
    type Output = Result<(), Response>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

/// Used if generated code provides no point.
static UNKNOWN: AwaitPoint = AwaitPoint::new("-", "-", 0, 0, "-");

fn point(points: &'static [AwaitPoint], index: usize) -> &'static AwaitPoint {
    points.get(index).unwrap_or(&UNKNOWN)
}

impl<S, M, T> Extract<S, M> for (T,)
where
    S: Send + Sync,
    T: FromRequest<S, M> + Send,
{
    #[inline]
    fn extract(
        mut request: Request,
        state: &S,
        points: &'static [AwaitPoint],
    ) -> impl Future<Output = Result<Self, Response>> + Send {
        watch_body(&mut request);
        Single {
            extraction: at(T::from_request(request, state), point(points, 0)),
        }
    }
}

pin_project! {
    /// The extraction of a single argument. Not an `async` block: a request is large, and a block
    /// has space for its input beside the future that takes it.
    struct Single<F> {
        #[pin]
        extraction: At<F>,
    }
}

impl<F, T, R> Future for Single<F>
where
    F: Future<Output = Result<T, R>>,
    R: IntoResponse,
{
    type Output = Result<(T,), Response>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let extracted = self.project().extraction.poll(cx);
        let extracted = extracted.map_err(IntoResponse::into_response);
        extracted.map_ok(|argument| (argument,))
    }
}

macro_rules! impl_extract {
    ($($part:ident $index:literal,)+ @ $last:ident $last_index:literal) => {
        impl<S, M, $($part,)+ $last> Extract<S, M> for ($($part,)+ $last,)
        where
            S: Send + Sync,
            $($part: FromRequestParts<S> + Send,)+
            $last: FromRequest<S, M> + Send,
        {
            #[allow(non_snake_case, reason = "a value is named like its type")]
            fn extract(
                request: Request,
                state: &S,
                points: &'static [AwaitPoint],
            ) -> impl Future<Output = Result<Self, Response>> + Send {
                // Split outside the block, which then has no space for the whole request.
                let (mut parts, body) = request.into_parts();
                async move {
                    $(
                        let $part = at(
                            $part::from_request_parts(&mut parts, state),
                            point(points, $index),
                        )
                        .await
                        .map_err(IntoResponse::into_response)?;
                    )+
                    let mut request = Request::from_parts(parts, body);
                    watch_body(&mut request);
                    let $last = at($last::from_request(request, state), point(points, $last_index))
                        .await
                        .map_err(IntoResponse::into_response)?;
                    Ok(($($part,)+ $last,))
                }
            }
        }
    };
}

impl_extract!(T1 0, @ T2 1);
impl_extract!(T1 0, T2 1, @ T3 2);
impl_extract!(T1 0, T2 1, T3 2, @ T4 3);
impl_extract!(T1 0, T2 1, T3 2, T4 3, @ T5 4);
impl_extract!(T1 0, T2 1, T3 2, T4 3, T5 4, @ T6 5);
impl_extract!(T1 0, T2 1, T3 2, T4 3, T5 4, T6 5, @ T7 6);
impl_extract!(T1 0, T2 1, T3 2, T4 3, T5 4, T6 5, T7 6, @ T8 7);
impl_extract!(T1 0, T2 1, T3 2, T4 3, T5 4, T6 5, T7 6, T8 7, @ T9 8);
impl_extract!(T1 0, T2 1, T3 2, T4 3, T5 4, T6 5, T7 6, T8 7, T9 8, @ T10 9);
impl_extract!(T1 0, T2 1, T3 2, T4 3, T5 4, T6 5, T7 6, T8 7, T9 8, T10 9, @ T11 10);
impl_extract!(T1 0, T2 1, T3 2, T4 3, T5 4, T6 5, T7 6, T8 7, T9 8, T10 9, T11 10, @ T12 11);
impl_extract!(
    T1 0, T2 1, T3 2, T4 3, T5 4, T6 5, T7 6, T8 7, T9 8, T10 9, T11 10, T12 11, @ T13 12
);
impl_extract!(
    T1 0, T2 1, T3 2, T4 3, T5 4, T6 5, T7 6, T8 7, T9 8, T10 9, T11 10, T12 11, T13 12, @ T14 13
);
impl_extract!(
    T1 0, T2 1, T3 2, T4 3, T5 4, T6 5, T7 6, T8 7, T9 8, T10 9, T11 10, T12 11, T13 12, T14 13,
    @ T15 14
);
impl_extract!(
    T1 0, T2 1, T3 2, T4 3, T5 4, T6 5, T7 6, T8 7, T9 8, T10 9, T11 10, T12 11, T13 12, T14 13,
    T15 14, @ T16 15
);

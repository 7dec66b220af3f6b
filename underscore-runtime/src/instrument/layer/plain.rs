//! The call of the service inside a layer, without the feature `admin`.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::service_call::ServiceCall;

/// The routes of one layer, of which this build keeps no part.
#[derive(Clone, Debug)]
pub(in crate::instrument) struct LayerEndpoints;

impl LayerEndpoints {
    pub(in crate::instrument) fn new(_: &'static str) -> Self {
        LayerEndpoints
    }
}

/// The requests of one service of a layer, of which this build keeps no part.
#[derive(Clone, Debug)]
pub(in crate::instrument) struct Endpoint;

impl Endpoint {
    pub(in crate::instrument) fn new(_: &LayerEndpoints) -> Self {
        Endpoint
    }
}

pin_project! {
    /// The future of [`RequestService`](super::RequestService).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RequestFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        call: ServiceCall<S, B>,
    }
}

impl<S, B> RequestFuture<S, B>
where
    S: Service<Request<B>> + Clone,
{
    #[inline]
    pub(super) fn new(service: &mut S, request: Request<B>, _: &Endpoint) -> Self {
        RequestFuture {
            call: ServiceCall::new(service, request),
        }
    }
}

impl<S, B, R> Future for RequestFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Output = Result<Response<Body>, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.project().call.poll(cx);
        polled.map_ok(|response| response.map(Body::new))
    }
}

//! The call of the service inside a layer.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use axum::http::Request;
use pin_project_lite::pin_project;
use tower_service::Service;

pin_project! {
    /// A call of a service, once that is ready.
    #[project = ServiceCallProjected]
    pub(super) enum ServiceCall<S, B>
    where
        S: Service<Request<B>>,
    {
        NotReady { service: S, request: Option<Request<B>> },
        Failed { error: Option<S::Error> },
        Called { #[pin] future: S::Future },
    }
}

impl<S, B> ServiceCall<S, B>
where
    S: Service<Request<B>> + Clone,
{
    /// Calls `service` now if it is ready, which nearly all are.
    #[inline]
    pub(super) fn new(service: &mut S, request: Request<B>) -> Self {
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => ServiceCall::Called {
                future: service.call(request),
            },
            Poll::Ready(Err(error)) => ServiceCall::Failed { error: Some(error) },
            // Polled again: it may be in a queue now, and keeps its place.
            Poll::Pending => Self::later(service, request),
        }
    }

    /// Calls `service` in the first poll in which it is ready.
    #[cold]
    pub(super) fn later(service: &mut S, request: Request<B>) -> Self {
        let clone = service.clone();
        ServiceCall::NotReady {
            service: std::mem::replace(service, clone),
            request: Some(request),
        }
    }
}

impl<S, B> Future for ServiceCall<S, B>
where
    S: Service<Request<B>>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let ServiceCallProjected::NotReady { service, request } = self.as_mut().project() {
            ready!(service.poll_ready(cx))?;
            let Some(request) = request.take() else {
                return Poll::Pending;
            };
            let future = service.call(request);
            self.set(ServiceCall::Called { future });
        }
        match self.project() {
            ServiceCallProjected::Called { future } => future.poll(cx),
            ServiceCallProjected::Failed { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
            ServiceCallProjected::NotReady { .. } => Poll::Pending,
        }
    }
}

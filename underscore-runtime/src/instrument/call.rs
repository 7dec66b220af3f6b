//! The call of a handler: the one extractor of the function that an annotated handler becomes. It
//! extracts nothing; it decides whether the handler runs, and hands back the future that runs it.

#![allow(
    clippy::missing_errors_doc,
    clippy::result_large_err,
    clippy::unnecessary_wraps,
    reason = "generated code is the only caller, and both arms of an answer are a response"
)]

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{
    ConnectInfo, FromRequest, FromRequestParts, MatchedPath, OriginalUri, Request,
};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;

use super::answer;
use super::at::{At, at};
use super::body::watched;
use super::tracked::Tracked;
use crate::route::{Route, RouteDescriptor};
use crate::settings::Preempt;
use crate::stack::AwaitPoint;
use crate::stats::{Outcome, StatusClass};
use crate::task::{RequestInfo, Task};

/// A handler's response, or the rejection of one of its extractors. Both go to the client.
pub type Answer = Result<Response, Response>;

/// What generated code implements for an annotated handler: axum's `Handler::call`, on a type that has
/// no values.
///
/// `M` is axum's marker for whether the last argument takes the body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler for the state `{S}`",
    note = "every argument must implement `FromRequestParts<{S}>`, the last one may implement `FromRequest<{S}>`",
    note = "the arguments' state must be the router's: see `Router::with_state`"
)]
pub trait Endpoint<S, M>: Sized + 'static {
    /// The handler's entry in the link-time slice.
    fn descriptor() -> &'static RouteDescriptor;

    /// Extracts, calls, responds.
    fn call(request: Request, state: S) -> impl Future<Output = Answer> + Send;
}

/// Marks that a [`Call`] is extracted for an endpoint whose own marker is `M`.
#[derive(Debug)]
pub struct Via<M>(PhantomData<fn() -> M>);

/// A call of the handler that `H` names: the future of its response.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Call<H> {
    response: Pin<Box<dyn Future<Output = Response> + Send>>,
    handler: PhantomData<fn() -> H>,
}

impl<S, M, H> FromRequest<S, Via<M>> for Call<H>
where
    H: Endpoint<S, M>,
    S: Clone + Send + Sync + 'static,
    M: 'static,
{
    type Rejection = Infallible;

    /// Not an `async fn`: the request would be moved once more, into that function's future.
    #[inline]
    fn from_request(
        request: Request,
        state: &S,
    ) -> impl Future<Output = Result<Self, Infallible>> + Send {
        std::future::ready(Ok(Call::new(request, state.clone())))
    }
}

impl<H> Call<H> {
    #[inline]
    fn new<S, M>(request: Request, state: S) -> Self
    where
        H: Endpoint<S, M>,
        S: 'static,
        M: 'static,
    {
        let route = route_of(H::descriptor(), &request);
        let settings = route.effective();
        let preempt = settings.as_ref().and_then(|all| all.preempt.as_ref());
        let response = if let Some(preempt) = preempt {
            preempted(route, preempt)
        } else {
            let task = Task::new(route, info(&request));
            Box::pin(Tracked::new(task, H::call(request, state)))
        };
        Call {
            response,
            handler: PhantomData,
        }
    }
}

#[inline]
fn route_of(descriptor: &'static RouteDescriptor, request: &Request) -> &'static Route {
    let path = request.extensions().get::<MatchedPath>();
    descriptor.route(request.method(), path.map(MatchedPath::as_str))
}

/// What will be shown of the request after the handler has taken it.
#[inline]
fn info(request: &Request) -> RequestInfo {
    let extensions = request.extensions();
    let uri = match extensions.get::<OriginalUri>() {
        Some(OriginalUri(uri)) => uri,
        None => request.uri(),
    };
    RequestInfo {
        method: request.method().clone(),
        uri: uri.path_and_query().cloned(),
        version: request.version(),
        remote: extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(address)| *address),
    }
}

#[cold]
fn preempted(route: &Route, preempt: &Preempt) -> Pin<Box<dyn Future<Output = Response> + Send>> {
    let class = StatusClass::of(preempt.status);
    route.ledger.count(Outcome::Preempted, class);
    Box::pin(std::future::ready(answer::preempted(preempt)))
}

impl<H> Future for Call<H> {
    type Output = Response;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        self.response.as_mut().poll(cx)
    }
}

impl<H> fmt::Debug for Call<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

/// Extracts an argument that does not take the body.
#[inline]
pub fn extract_part<T, S>(
    parts: &mut Parts,
    state: &S,
    point: &'static AwaitPoint,
) -> impl Future<Output = Result<T, Response>> + Send
where
    T: FromRequestParts<S>,
    S: Send + Sync,
{
    Extract {
        extraction: at(T::from_request_parts(parts, state), point),
    }
}

/// Extracts the last argument, which may take the body.
#[inline]
pub fn extract_last<T, S, M>(
    parts: Parts,
    body: Body,
    state: &S,
    point: &'static AwaitPoint,
) -> impl Future<Output = Result<T, Response>> + Send
where
    T: FromRequest<S, M>,
    S: Send + Sync,
{
    let request = Request::from_parts(parts, watched(body));
    Extract {
        extraction: at(T::from_request(request, state), point),
    }
}

pin_project! {
    /// An extraction whose rejection is a response. Not an `async fn`: those move what they are given
    /// into their future, and a request is large.
    struct Extract<F> {
        #[pin]
        extraction: At<F>,
    }
}

impl<F, T, R> Future for Extract<F>
where
    F: Future<Output = Result<T, R>>,
    R: IntoResponse,
{
    type Output = Result<T, Response>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let extracted = self.project().extraction.poll(cx);
        extracted.map_err(IntoResponse::into_response)
    }
}

/// The response of what a handler returned.
#[inline]
pub fn respond<R: IntoResponse>(returned: R) -> Answer {
    Ok(returned.into_response())
}

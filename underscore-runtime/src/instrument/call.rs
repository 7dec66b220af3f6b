//! The call of a handler: the one extractor of the function that an annotated handler becomes. Its
//! extraction decides whether the handler runs, enters the task and extracts the arguments; then the
//! function runs it. Both are polled inside the one future that axum has boxed anyway.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::{ConnectInfo, FromRequest, MatchedPath, OriginalUri, Request};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;

use super::answer;
use super::extract::Extract;
use super::guard::Guard;
use super::lever::{Delayed, admit};
use super::response_body::answered;
use super::tracked::{Step, Tracked, Work, abandon, drive};
use crate::route::{Route, RouteDescriptor};
use crate::stats::Outcome;
use crate::task::{self, Kind, Rare, Said};

/// What generated code says of an annotated handler, on a type that has no values.
pub trait Endpoint: 'static {
    /// The handler's entry in the link-time slice.
    fn descriptor() -> &'static RouteDescriptor;
}

/// Marks that a [`Call`] is extracted for arguments whose own marker is `M`.
#[derive(Debug)]
pub struct Via<M>(PhantomData<fn() -> M>);

/// A call of the handler that `H` names, with the arguments `A`.
#[must_use = "a call does nothing unless it is run"]
pub struct Call<H, A> {
    stage: Stage<A>,
    handler: PhantomData<fn() -> H>,
}

enum Stage<A> {
    /// The task has its arguments.
    Ready { arguments: A, guard: Guard },
    /// There is an answer already: preempted, rejected by an extractor, or interrupted in one.
    Answered(Box<Response>),
}

impl<S, M, H, A> FromRequest<S, Via<M>> for Call<H, A>
where
    S: Send + Sync,
    H: Endpoint,
    A: Extract<S, M> + Send,
{
    type Rejection = Infallible;

    /// Not an `async fn`: the request would be moved once more, into that function's future.
    #[inline]
    fn from_request(
        request: Request,
        state: &S,
    ) -> impl Future<Output = Result<Self, Infallible>> + Send {
        Named {
            begin: begin(H::descriptor(), request, state),
            handler: PhantomData,
        }
    }
}

/// Begins a call. Of the handler it knows what generated code says, and not the type: handlers with the same
/// arguments share it, which spares the compiler one for each.
#[inline]
fn begin<S, M, A>(
    descriptor: &'static RouteDescriptor,
    request: Request,
    state: &S,
) -> Begin<A, impl Future<Output = Result<A, Response>> + Send>
where
    S: Send + Sync,
    A: Extract<S, M> + Send,
{
    let route = route_of(descriptor, &request);
    let settings = route.effective();
    let admitted = match &settings {
        None => Ok(Guard::enter(Kind::Request(info(&request, route)))),
        Some(settings) => admit(route, &request, settings),
    };
    let guard = match admitted {
        Ok(guard) => guard,
        Err(response) => {
            return Begin::Decided {
                stage: Some(Stage::Answered(response)),
            };
        }
    };
    if let Some(arguments) = A::nothing().filter(|_| settings.is_none()) {
        guard.run(|| drop(request));
        return Begin::Decided {
            stage: Some(Stage::Ready { arguments, guard }),
        };
    }
    // Some extractors do their work before they have a future to poll.
    let extraction = guard.run(|| A::extract(request, state, descriptor.arguments));
    let extraction = Delayed::new(settings.as_deref(), extraction);
    Begin::Extracting {
        extraction: Tracked::new(guard, extraction),
    }
}

impl<H, A> Call<H, A> {
    /// Runs the handler, or gives the answer that stands already.
    #[inline]
    pub fn run<F, R>(self, handler: F) -> impl Future<Output = Response>
    where
        F: Fn(A) -> R,
        R: Future<Output: IntoResponse>,
    {
        let (guard, arguments, response) = match self.stage {
            Stage::Ready { arguments, guard } => (Some(guard), Some(arguments), None),
            Stage::Answered(response) => (None, None, Some(response)),
        };
        Run {
            work: Handling {
                handler,
                arguments,
                future: None,
            },
            guard,
            response,
        }
    }
}

pin_project! {
    /// The beginning of the call of a certain handler.
    struct Named<H, A, F: Future> {
        #[pin]
        begin: Begin<A, F>,
        handler: PhantomData<fn() -> H>,
    }
}

impl<H, A, F> Future for Named<H, A, F>
where
    F: Future<Output = Result<A, Response>>,
{
    type Output = Result<Call<H, A>, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let stage = ready!(self.project().begin.poll(cx));
        Poll::Ready(Ok(Call {
            stage,
            handler: PhantomData,
        }))
    }
}

pin_project! {
    /// The extraction of a call.
    #[project = BeginProjected]
    enum Begin<A, F: Future> {
        Decided { stage: Option<Stage<A>> },
        Extracting { #[pin] extraction: Tracked<Delayed<F>> },
    }
}

impl<A, F> Future for Begin<A, F>
where
    F: Future<Output = Result<A, Response>>,
{
    type Output = Stage<A>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Stage<A>> {
        let stage = match self.project() {
            BeginProjected::Decided { stage } => match stage.take() {
                Some(stage) => stage,
                None => return Poll::Pending,
            },
            BeginProjected::Extracting { extraction } => match ready!(extraction.poll(cx)) {
                Step::Done(Ok(arguments), guard) => Stage::Ready { arguments, guard },
                Step::Done(Err(rejection), guard) => {
                    guard.end_with(Outcome::Completed, rejection.status());
                    Stage::Answered(Box::new(rejection))
                }
                Step::Interrupted(guard) => Stage::Answered(Box::new(interrupted(guard))),
            },
        };
        Poll::Ready(stage)
    }
}

pin_project! {
    /// The run of a call.
    struct Run<F, A, R>
    where
        F: Fn(A) -> R,
        R: Future,
        R::Output: IntoResponse,
    {
        #[pin]
        work: Handling<F, A, R>,
        guard: Option<Guard>,
        response: Option<Box<Response>>,
    }

    impl<F, A, R> PinnedDrop for Run<F, A, R>
    where
        F: Fn(A) -> R,
        R: Future,
        R::Output: IntoResponse,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            abandon(this.guard.as_ref(), this.work);
        }
    }
}

impl<F, A, R> Future for Run<F, A, R>
where
    F: Fn(A) -> R,
    R: Future<Output: IntoResponse>,
{
    type Output = Response;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let this = self.project();
        let work = this.work;
        // In a build for debugging the same code for all handlers, which is compiled once; in one for release
        // each has code of its own, for to call through a pointer takes as long as all that is around the call.
        #[cfg(debug_assertions)]
        let work: Pin<&mut dyn Work<Response>> = work;
        respond(this.guard, work, this.response, cx)
    }
}

/// Polls the run of a call.
#[inline]
fn respond<W: Work<Response> + ?Sized>(
    guard: &mut Option<Guard>,
    work: Pin<&mut W>,
    response: &mut Option<Box<Response>>,
    cx: &mut Context<'_>,
) -> Poll<Response> {
    if guard.is_none() {
        // Polled again after the end, which no executor does: there is no second answer.
        return response
            .take()
            .map_or(Poll::Pending, |response| Poll::Ready(*response));
    }
    Poll::Ready(match ready!(drive(guard, work, cx)) {
        Step::Done(response, guard) => answered(guard, response),
        Step::Interrupted(guard) => interrupted(guard),
    })
}

pin_project! {
    /// The handler's own part of its run. It is called in the first poll, so that all of it is the task's code.
    struct Handling<F, A, R> {
        handler: F,
        arguments: Option<A>,
        #[pin]
        future: Option<R>,
    }
}

impl<F, A, R> Work<Response> for Handling<F, A, R>
where
    F: Fn(A) -> R,
    R: Future<Output: IntoResponse>,
{
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let mut this = self.project();
        if let Some(arguments) = this.arguments.take() {
            let future = (this.handler)(arguments);
            this.future.set(Some(future));
        }
        match this.future.as_pin_mut() {
            Some(future) => future.poll(cx).map(IntoResponse::into_response),
            None => Poll::Pending,
        }
    }

    #[inline]
    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        *this.arguments = None;
        this.future.set(None);
    }
}

#[inline]
fn route_of(descriptor: &'static RouteDescriptor, request: &Request) -> &'static Route {
    let path = request.extensions().get::<MatchedPath>();
    descriptor.route(request.method(), path.map(MatchedPath::as_str))
}

/// What will be shown of the request after the handler has taken it.
#[inline]
pub(super) fn info(request: &Request, route: &'static Route) -> task::Request {
    let extensions = request.extensions();
    // A nested router cuts its prefix off the URI, which then is shorter than the route's whole path:
    // where the two are equal, there is nothing to look up, and nothing to keep.
    let mut uri = request.uri();
    let is_path = |uri: &Uri| {
        let sent = uri.path_and_query().map(PathAndQuery::as_str);
        sent.is_some() && sent == route.path.as_deref()
    };
    if !is_path(uri)
        && let Some(OriginalUri(original)) = extensions.get()
    {
        uri = original;
    }
    let sent = uri.path_and_query().filter(|_| !is_path(uri));
    let sent = sent.map(|sent| sent.as_str().as_bytes());
    let [opaque_id, request_id, trace_parent] = marks(request.headers());
    let method = request.method();
    task::Request {
        route,
        version: request.version(),
        remote: extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(address)| *address),
        said: Said::copied([sent, opaque_id, request_id, trace_parent]),
        rare: (*method != route.method).then(|| {
            Box::new(Rare {
                method: Some(method.clone()),
                steered: None,
            })
        }),
    }
}

const OPAQUE_ID: &str = "x-opaque-id";
pub(super) const REQUEST_ID: &str = "x-request-id";
pub(super) const TRACE_PARENT: &str = "traceparent";

/// The headers by which clients and proxies tell a request from others. In one pass: to look each of three up by
/// its hash takes longer than to go through the few that there are.
#[inline]
fn marks(headers: &HeaderMap) -> [Option<&[u8]>; 3] {
    let [mut opaque_id, mut request_id, mut trace_parent] = [None; 3];
    if !headers.is_empty() {
        for (name, value) in headers {
            let mark = match name.as_str() {
                OPAQUE_ID => &mut opaque_id,
                REQUEST_ID => &mut request_id,
                TRACE_PARENT => &mut trace_parent,
                _ => continue,
            };
            // The first one of several, as `HeaderMap::get` has it.
            mark.get_or_insert(value.as_bytes());
        }
    }
    [opaque_id, request_id, trace_parent]
}

/// Ends a task that was told to end, with the answer that its client gets.
#[cold]
fn interrupted(guard: Guard) -> Response {
    let order = guard.task().signal.order();
    let response = answer::ended(order.as_ref(), guard.task().interrupt_status());
    let outcome = guard.ordered_outcome();
    guard.end_with(outcome, response.status());
    response
}

impl<H, A> fmt::Debug for Call<H, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

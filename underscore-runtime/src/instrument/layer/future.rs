//! The future of a request in a layer: the task from the request's arrival until its response. An
//! annotated handler inside finds the task in `record`.

use std::any::{Any, type_name};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower_service::Service;

pub(super) use super::endpoint::{Endpoint, LayerEndpoints};
use super::endpoint::{Found, Known};
use super::service_call::ServiceCall;
use crate::instrument::body::{track_body, watch_body_in_layer};
use crate::instrument::poll::{Guard, PollScope, StageEnd, Tracked};
use crate::instrument::record::{self, LayerRecord, Narrowed};
use crate::instrument::request::{
    Admission, Beginner, Delayed, Protocol, begin_request, interrupted,
};
use crate::routes::Route;
use crate::settings::EffectiveSettings;
use crate::stats::Outcome;
use crate::task::Slot;

pin_project! {
    /// The future of [`RequestService`](super::RequestService).
    ///
    /// ```
    /// use axum::{Router, body::Body, extract::Request, routing::get};
    /// use tower::{Layer, Service};
    /// use underscore_runtime::{RequestFuture, RequestLayer};
    ///
    /// let router: Router = Router::new().route("/ping", get(|| async { "pong" }));
    /// let mut service = RequestLayer::named("ping").layer(router);
    /// let request = Request::get("/ping").body(Body::empty()).unwrap();
    /// let call: RequestFuture<Router, Body> = service.call(request);
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// assert_eq!(call.await.unwrap().status(), 200);
    /// # });
    /// ```
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RequestFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProjected]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        /// The request is a task.
        Task {
            #[pin]
            call: Tracked<Delayed<ServiceCall<S, B>>>,
            // Whose route the layer has yet to learn, `None` if it is known.
            unlearned: Option<Arc<Known>>,
            protocol: Protocol,
        },
        /// A layer around this one has begun the task.
        Within {
            #[pin]
            call: Delayed<ServiceCall<S, B>>,
            record: LayerRecord,
            unlearned: Option<Arc<Known>>,
            // The route of the layer around it, if the task has left that.
            around: Option<&'static Route>,
        },
        /// There is a response already.
        Answered { response: Option<Box<Response<Body>>> },
    }
}

impl<S, B> RequestFuture<S, B>
where
    S: Service<Request<B>> + Clone,
    B: 'static,
{
    #[inline]
    pub(super) fn new(service: &mut S, request: Request<B>, endpoint: &Endpoint) -> Self {
        let around = LayerRecord::of(request.extensions());
        let found = endpoint.find(request.method(), request.extensions());
        let state = match around {
            None => State::begin(service, request, found),
            Some(record) => State::within(record, service, request, found),
        };
        RequestFuture { state }
    }
}

impl<S, B> State<S, B>
where
    S: Service<Request<B>> + Clone,
    B: 'static,
{
    /// Begins the task of a request.
    #[inline]
    fn begin(service: &mut S, mut request: Request<B>, Found { route, unlearned }: Found) -> Self {
        let (task, settings) = match begin(route, &request) {
            Ok(begun) => begun,
            Err(response) => return State::answered(response),
        };
        let guard = Guard::new(task);
        let protocol = Protocol::of(&request);
        request.extensions_mut().insert(LayerRecord::new(task));
        let any: &mut dyn Any = &mut request;
        if let Some(request) = any.downcast_mut::<Request<Body>>() {
            watch_body_in_layer(request);
        }
        let call = call(service, request, &guard, settings.as_deref());
        let call = Tracked::new(guard, call);
        State::Task {
            call,
            unlearned,
            protocol,
        }
    }

    /// Continues a request that a layer around this one has begun. It is a task of its own if that
    /// has ended, and work of the request if another task polls it.
    #[cold]
    fn within(record: LayerRecord, service: &mut S, request: Request<B>, found: Found) -> Self {
        if let Some(task) = record.current() {
            let narrowed = match record::narrow(task, found.route, request.headers()) {
                Ok(narrowed) => narrowed,
                Err(response) => return State::answered(response),
            };
            let (settings, around) = match narrowed {
                Some(Narrowed { settings, from }) => (settings, Some(from)),
                None => (None, None),
            };
            if found.route.identity.declaration().is_kept && task.awaits_handler() {
                task.enter_extractors_of_kept();
            }
            return State::Within {
                call: delayed(service, request, settings.as_deref()),
                record,
                unlearned: found.unlearned,
                around,
            };
        }
        let Some(work) = record.begin_work("service", type_name::<S>()) else {
            return State::begin(service, request, found);
        };
        let guard = Guard::new(work);
        let protocol = Protocol::of(&request);
        let call = call(service, request, &guard, None);
        let call = Tracked::new(guard, call);
        State::Task {
            call,
            unlearned: None,
            protocol,
        }
    }

    fn answered(response: Box<Response<Body>>) -> Self {
        State::Answered {
            response: Some(response),
        }
    }
}

/// A task that has begun, with the settings of its route.
type Begun = (&'static Slot, Option<Arc<EffectiveSettings>>);

/// Begins the task of a request, if the settings of its route admit it.
#[inline]
fn begin<B>(route: &'static Route, request: &Request<B>) -> Result<Begun, Box<Response<Body>>> {
    // Before the settings are read: a handler that becomes known in between applies its own.
    let knows_handler = !route.identity.is_of_layer();
    let beginner = Beginner::Layer { knows_handler };
    let settings = route.effective();
    let task = match &settings {
        None => begin_request(request, route, beginner),
        Some(settings) => {
            Admission::new(route, request.headers(), settings).begin(request, beginner)?
        }
    };
    Ok((task, settings))
}

/// Calls `service` as part of the task of `guard`, after the delay of its settings.
#[inline]
fn call<S, B>(
    service: &mut S,
    request: Request<B>,
    guard: &Guard,
    settings: Option<&EffectiveSettings>,
) -> Delayed<ServiceCall<S, B>>
where
    S: Service<Request<B>> + Clone,
{
    // Layers may work before they return a future.
    let scope = PollScope::enter(guard.task());
    let call = delayed(service, request, settings);
    scope.finish();
    call
}

/// Calls `service` after the delay of the settings.
#[inline]
fn delayed<S, B>(
    service: &mut S,
    request: Request<B>,
    settings: Option<&EffectiveSettings>,
) -> Delayed<ServiceCall<S, B>>
where
    S: Service<Request<B>> + Clone,
{
    let is_delayed = settings.is_some_and(|settings| settings.delay.is_some());
    let call = if is_delayed {
        ServiceCall::later(service, request)
    } else {
        ServiceCall::new(service, request)
    };
    Delayed::new(settings, call)
}

impl<S, B, R> Future for RequestFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Output = Result<Response<Body>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjected::Task {
                mut call,
                unlearned,
                protocol,
            } => {
                let Some(task) = call.guard().map(Guard::task) else {
                    // Polled after completion, which no executor does.
                    return Poll::Pending;
                };
                let polled = call.as_mut().poll(cx);
                if let Some(known) = unlearned {
                    learn(known, task);
                }
                Poll::Ready(match ready!(polled) {
                    StageEnd::Done(Ok(response), guard) => {
                        let mut response = response.map(Body::new);
                        end(guard, &mut response, unlearned.as_deref());
                        Ok(response)
                    }
                    StageEnd::Done(Err(error), guard) => {
                        guard.end(Outcome::Failed);
                        Err(error)
                    }
                    StageEnd::Interrupted(guard) => Ok(interrupted(guard, *protocol)),
                    StageEnd::Unguarded(_) => return Poll::Pending,
                })
            }
            StateProjected::Within {
                call,
                record,
                unlearned,
                around,
            } => {
                let polled = call.poll(cx);
                if let Some(task) = record.current() {
                    if let Some(known) = unlearned {
                        learn(known, task);
                    }
                    if polled.is_ready() && task.awaits_handler() {
                        task.leave_handler();
                    }
                    if let Poll::Ready(Ok(response)) = &polled
                        && let Some(around) = *around
                        && is_not_allowed(response, task, unlearned.as_deref())
                    {
                        task.move_to(around);
                    }
                }
                polled.map_ok(|response| response.map(Body::new))
            }
            StateProjected::Answered { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(*response)),
                None => Poll::Pending,
            },
        }
    }
}

/// Learns whether the request has reached a handler.
#[inline]
fn learn(known: &Known, task: &'static Slot) {
    record::follow_reached(task);
    if task.is_taken_over()
        && let Some(route) = task.route()
    {
        known.learn(route);
    }
}

/// Ends the task with its response, or continues it in the response's body.
#[inline]
fn end(guard: Guard, response: &mut Response<Body>, unlearned: Option<&Known>) {
    let task = guard.task();
    if let Some(outcome) = task.outcome() {
        // The handler's settings have refused the request, or the handler has panicked and a layer
        // inside has answered.
        return guard.end_with(outcome, response.status());
    }
    if let Some(known) = unlearned
        && is_not_allowed(response, task, unlearned)
    {
        task.move_to(known.unmatched());
    }
    let length = guard.run(|| response.body().size_hint().exact());
    track_body(guard, response, length);
}

/// True if the path of a request does not allow its method: it counts with those that no path
/// matches.
#[inline]
fn is_not_allowed<R>(response: &Response<R>, task: &Slot, unlearned: Option<&Known>) -> bool {
    response.status() == StatusCode::METHOD_NOT_ALLOWED
        && !task.is_taken_over()
        && unlearned.is_some_and(Known::is_unused)
}

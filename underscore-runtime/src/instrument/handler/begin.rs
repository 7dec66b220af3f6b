//! Begins a call: admits the request as a task or takes over the record of a layer, and extracts the
//! arguments.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use pin_project_lite::pin_project;

use super::extract::Extract;
use crate::instrument::poll::{Guard, StageEnd, Tracked};
use crate::instrument::record::{self, HandlerPart, LayerRecord, TakenOver};
use crate::instrument::request::{
    Admission, Beginner, Delayed, Protocol, begin_request, interrupted,
};
use crate::routes::{HandlerEntry, Route};
use crate::settings::EffectiveSettings;
use crate::stats::Outcome;
use crate::task::{Slot, with_thread};

/// A response behind a type-erased closure: the compiler proves faster that a future that holds one
/// is `Send` than that a future that holds a response is.
pub(super) type EarlyResponse = Box<dyn FnOnce() -> Response + Send>;

/// The result of the extraction of a call.
pub(super) enum CallState<A> {
    /// The task has its arguments.
    Ready { arguments: A, guard: Guard },
    /// A layer's record, which the handler has taken over, has its arguments.
    TakenOver { arguments: A, part: HandlerPart },
    /// There is a response already: preempted, rejected by an extractor, or interrupted in one.
    Answered(EarlyResponse),
}

impl<A> CallState<A> {
    fn answered(response: Response) -> Self {
        CallState::Answered(Box::new(move || response))
    }
}

/// Begins a call. Takes the handler's entry, not its type, so that handlers with the same arguments
/// share one instance.
#[allow(
    clippy::inline_always,
    reason = "the request is not moved through memory"
)]
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn begin<S, M, A>(
    handler: &'static HandlerEntry,
    mut request: Request,
    state: &S,
) -> Begin<A, impl Future<Output = Result<A, Response>> + Send>
where
    S: Send + Sync,
    A: Extract<S, M> + Send,
{
    let (task, settings) = match enter(handler, &request) {
        Ok(task) => (task, None),
        Err(decision) => match decision.task {
            Ok(task) => (task, decision.settings),
            Err(Instead::Answer(response)) => {
                return Begin::Decided {
                    begun: Some(CallState::answered(*response)),
                };
            }
            Err(Instead::TakenOver(part)) => {
                let settings = decision.settings.as_deref();
                // Some extractors work before they return a future: see below.
                part.begin_code();
                let extract = A::extract(request, state, handler.declaration.arguments);
                part.end_code();
                return Begin::Extracting {
                    extraction: Tracked::without_guard(Delayed::new(settings, extract)),
                    part: Some(part),
                };
            }
        },
    };
    let guard = Guard::new(task);
    if let Some(arguments) = A::empty().filter(|_| settings.is_none()) {
        // Dropped in place, parts that run foreign code first: a request is large, and if the drop
        // of a parameter panicked after the return, the return value would be lost.
        guard.run(|| {
            drop(std::mem::take(request.extensions_mut()));
            drop(std::mem::take(request.body_mut()));
        });
        return Begin::Decided {
            begun: Some(CallState::Ready { arguments, guard }),
        };
    }
    // Some extractors work before they return a future. Not in `Guard::run`, because moving the
    // request into a closure copies it.
    guard.task().set_outcome(Outcome::Panicked);
    // Built in place, because it contains the request.
    Begin::Extracting {
        extraction: Tracked::new(
            guard,
            Delayed::new(
                settings.as_deref(),
                A::extract(request, state, handler.declaration.arguments),
            ),
        ),
        part: None,
    }
}

/// Finds the route of a request and begins its task: the part that is the same for all handlers.
#[inline(never)]
fn enter(
    handler: &'static HandlerEntry,
    request: &Request,
) -> Result<&'static Slot, Box<Decision>> {
    let around = with_thread(|thread| thread.id.get());
    if (around != 0 || LayerRecord::are_used())
        && let Some(decision) = Decision::within_layer(handler, request)
    {
        return Err(decision);
    }
    let path = request.extensions().get::<MatchedPath>();
    let route = handler.route_of(request.method(), path);
    match route.effective() {
        None => Ok(begin_request(request, route, Beginner::Handler)),
        Some(settings) => Err(Decision::new(request, route, settings)),
    }
}

/// The rarer ways to begin a call: on a route with settings, or within a layer.
struct Decision {
    task: Result<&'static Slot, Instead>,
    settings: Option<Arc<EffectiveSettings>>,
}

/// What a call has in place of a task of its own.
enum Instead {
    /// A response: the request is not admitted.
    Answer(Box<Response>),
    /// The record of a layer.
    TakenOver(HandlerPart),
}

impl Decision {
    /// Takes over the record of a layer that has begun the request. `None` if none has.
    #[cold]
    #[inline(never)]
    fn within_layer(handler: &'static HandlerEntry, request: &Request) -> Option<Box<Self>> {
        let record = LayerRecord::of(request.extensions())?;
        let decision = if record.is_current() {
            match record::take_over(handler, request)? {
                Ok(TakenOver { part, settings }) => Decision {
                    task: Err(Instead::TakenOver(part)),
                    settings,
                },
                Err(response) => Decision {
                    task: Err(Instead::Answer(response)),
                    settings: None,
                },
            }
        } else {
            Decision {
                task: Ok(record.begin_elsewhere(handler, request)?),
                settings: None,
            }
        };
        Some(Box::new(decision))
    }

    #[allow(clippy::unnecessary_box_returns, reason = "most requests have none")]
    #[cold]
    #[inline(never)]
    fn new(
        request: &Request,
        route: &'static Route,
        settings: Arc<EffectiveSettings>,
    ) -> Box<Self> {
        let task =
            Admission::new(route, request.headers(), &settings).begin(request, Beginner::Handler);
        Box::new(Decision {
            task: task.map_err(Instead::Answer),
            settings: Some(settings),
        })
    }
}

pin_project! {
    /// The extraction of a call of any handler.
    #[project = BeginProjected]
    pub(super) enum Begin<A, F: Future> {
        Decided { begun: Option<CallState<A>> },
        Extracting {
            #[pin]
            extraction: Tracked<Delayed<F>>,
            // Dropped after it.
            part: Option<HandlerPart>,
        },
    }
}

impl<A, F> Future for Begin<A, F>
where
    F: Future<Output = Result<A, Response>>,
{
    type Output = CallState<A>;

    #[allow(
        clippy::inline_always,
        reason = "a decided call is not moved through memory"
    )]
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CallState<A>> {
        let (extraction, part) = match self.project() {
            BeginProjected::Decided { begun } => {
                return begun.take().map_or(Poll::Pending, Poll::Ready);
            }
            BeginProjected::Extracting { extraction, part } => (extraction, part),
        };
        if part.is_some() {
            return poll_taken_over(extraction, part, cx);
        }
        if let Some(guard) = extraction.guard() {
            // The extractor has returned its future: see `begin`.
            guard.task().clear_outcome();
        }
        Poll::Ready(match ready!(extraction.poll(cx)) {
            StageEnd::Done(Ok(arguments), guard) => CallState::Ready { arguments, guard },
            StageEnd::Done(Err(rejection), guard) => {
                guard.end_with(Outcome::Completed, rejection.status());
                CallState::answered(rejection)
            }
            StageEnd::Interrupted(guard) => CallState::answered(interrupted(guard, Protocol::Http)),
            StageEnd::Unguarded(_) => return Poll::Pending,
        })
    }
}

/// Polls the extraction of a call that has taken over the record of a layer.
#[cold]
fn poll_taken_over<A, F>(
    extraction: Pin<&mut Tracked<Delayed<F>>>,
    part: &mut Option<HandlerPart>,
    cx: &mut Context<'_>,
) -> Poll<CallState<A>>
where
    F: Future<Output = Result<A, Response>>,
{
    let polled = match part {
        Some(part) => part.poll(|| extraction.poll(cx)),
        None => Poll::Pending,
    };
    let StageEnd::Unguarded(extracted) = ready!(polled) else {
        return Poll::Pending;
    };
    match (extracted, part.take()) {
        (Ok(arguments), Some(part)) => Poll::Ready(CallState::TakenOver { arguments, part }),
        (Err(rejection), _) => Poll::Ready(CallState::answered(rejection)),
        (Ok(_), None) => Poll::Pending,
    }
}

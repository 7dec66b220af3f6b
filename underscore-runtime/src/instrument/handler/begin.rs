//! Begins a call: admits the request as a task or takes over the record of a layer, and extracts
//! the arguments.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use pin_project_lite::pin_project;

use super::extract::Extract;
use crate::instrument::poll::{Guard, StageEnd, Tracked};
use crate::instrument::record::{self, Elsewhere, HandlerPart, LayerRecord, TakenOver};
use crate::instrument::request::{
    Admission, Beginner, Delayed, Protocol, begin_request, interrupted,
};
use crate::routes::{HandlerEntry, Route};
use crate::settings::EffectiveSettings;
use crate::stats::Outcome;
use crate::task::with_thread;

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

    #[inline]
    fn extracted(arguments: A, record: Record) -> Self {
        match record {
            Record::Own(guard) => CallState::Ready { arguments, guard },
            Record::OfLayer(part) => CallState::TakenOver { arguments, part },
        }
    }
}

/// The record of a call.
enum Record {
    /// A task of its own.
    Own(Guard),
    /// That of a layer, which the handler has taken over.
    OfLayer(HandlerPart),
}

impl Record {
    /// Records that the host's code runs, until [`end_code`](Self::end_code). If that panics, so
    /// has the request.
    #[inline]
    fn begin_code(&self) {
        match self {
            Record::Own(guard) => guard.task().set_outcome(Outcome::Panicked),
            Record::OfLayer(part) => part.begin_code(),
        }
    }

    /// Records that the host's code has returned.
    #[inline]
    fn end_code(&self) {
        match self {
            Record::Own(guard) => guard.task().clear_outcome(),
            Record::OfLayer(part) => part.end_code(),
        }
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
    let (record, settings) = match enter(handler, &request) {
        Ok(record) => (record, None),
        Err(decision) => match decision.record {
            Ok(record) => (record, decision.settings),
            Err(response) => {
                return Begin::Decided {
                    begun: Some(CallState::answered(*response)),
                };
            }
        },
    };
    // Foreign code follows. Not in a closure, because moving the request into it copies it.
    record.begin_code();
    if let Some(arguments) = A::empty().filter(|_| settings.is_none()) {
        // Dropped in place, parts that run foreign code first: a request is large, and if the drop
        // of a parameter panicked after the return, the return value would be lost.
        drop(std::mem::take(request.extensions_mut()));
        drop(std::mem::take(request.body_mut()));
        record.end_code();
        return Begin::Decided {
            begun: Some(CallState::extracted(arguments, record)),
        };
    }
    let (guard, part) = match record {
        Record::Own(guard) => (Some(guard), None),
        Record::OfLayer(part) => (None, Some(part)),
    };
    // Built in place, because it contains the request. Some extractors work before they return a
    // future.
    Begin::Extracting {
        extraction: Tracked::new(
            guard,
            Delayed::new(
                settings.as_deref(),
                A::extract(request, state, handler.declaration.arguments),
            ),
        ),
        part,
    }
}

/// Finds the route of a request and begins its task: the part that is the same for all handlers.
#[inline(never)]
fn enter(handler: &'static HandlerEntry, request: &Request) -> Result<Record, Box<Decision>> {
    let around = with_thread(|thread| thread.id.get());
    if (around != 0 || LayerRecord::are_used())
        && let Some(record) = LayerRecord::of(request.extensions())
        && let Some(entered) = enter_within(record, handler, request)
    {
        return entered;
    }
    let path = request.extensions().get::<MatchedPath>();
    let route = handler.route_of(request.method(), path);
    match route.effective() {
        None => Ok(Record::Own(Guard::new(begin_request(
            request,
            route,
            Beginner::Handler,
        )))),
        Some(settings) => Err(Decision::new(request, route, settings)),
    }
}

/// Takes over the record of the layer that has begun the request. `None` if the call is a task of
/// its own.
#[inline(never)]
fn enter_within(
    record: LayerRecord,
    handler: &'static HandlerEntry,
    request: &Request,
) -> Option<Result<Record, Box<Decision>>> {
    let entered = if let Some(task) = record.current() {
        let taken_over = record::take_over(task, handler, request)?;
        taken_over.map(|TakenOver { part, settings }| (Record::OfLayer(part), settings))
    } else {
        let elsewhere = record.begin_elsewhere(handler, request)?;
        elsewhere.map(|Elsewhere { work, settings }| (Record::Own(work), settings))
    };
    let (record, settings) = match entered {
        Ok((record, None)) => return Some(Ok(record)),
        Ok((record, settings)) => (Ok(record), settings),
        Err(response) => (Err(response), None),
    };
    Some(Err(Box::new(Decision { record, settings })))
}

/// The rarer ways to begin a call: on a route with settings.
struct Decision {
    /// The response if the request is not admitted.
    record: Result<Record, Box<Response>>,
    settings: Option<Arc<EffectiveSettings>>,
}

impl Decision {
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
            record: task.map(|task| Record::Own(Guard::new(task))),
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
        match (extraction.guard(), &*part) {
            // The extractor has returned its future: see `begin`.
            (Some(guard), _) => guard.task().clear_outcome(),
            (None, Some(part)) => part.begin_code(),
            (None, None) => {}
        }
        let polled = extraction.poll(cx);
        if let Some(part) = part {
            part.end_code();
        }
        Poll::Ready(match ready!(polled) {
            StageEnd::Done(Ok(arguments), guard) => CallState::Ready { arguments, guard },
            StageEnd::Done(Err(rejection), guard) => {
                guard.end_with(Outcome::Completed, rejection.status());
                CallState::answered(rejection)
            }
            StageEnd::Interrupted(guard) => CallState::answered(interrupted(guard, Protocol::Http)),
            StageEnd::Unguarded(extracted) => match (extracted, part.take()) {
                (Ok(arguments), Some(part)) => CallState::TakenOver { arguments, part },
                (Err(rejection), Some(_)) => CallState::answered(rejection),
                // Polled after completion, which no executor does.
                (_, None) => return Poll::Pending,
            },
        })
    }
}

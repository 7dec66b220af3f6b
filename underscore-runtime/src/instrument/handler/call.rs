//! The call of a handler: the only extractor of the function that an annotated handler becomes. Its
//! extraction admits the request, begins the task and extracts the arguments; the function then
//! runs the handler. Both are polled inside the one future that axum boxes anyway.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use axum::extract::{FromRequest, MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;

use super::annotated::{Annotated, Via};
use super::erased::{erased_future, erased_stage};
use super::extract::Extract;
use crate::instrument::body::track_body;
use crate::instrument::poll::{Guard, PollScope, Stage, StageEnd, Tracked, drop_in_task};
use crate::instrument::record::{self, HandlerPart, LayerRecord, TakenOver};
use crate::instrument::request::{Admission, Delayed, begin_request, interrupted};
use crate::routes::{HandlerEntry, Route};
use crate::settings::EffectiveSettings;
use crate::stats::Outcome;
use crate::task::{Slot, with_thread};

/// A call of the handler that `H` names, with the arguments `A`.
#[must_use = "a call does nothing unless it is run"]
pub struct Call<H, A> {
    begun: CallState<A>,
    handler: PhantomData<fn() -> H>,
}

/// A response behind a type-erased closure: the compiler proves faster that a future that holds one
/// is `Send` than that a future that holds a response is.
type EarlyResponse = Box<dyn FnOnce() -> Response + Send>;

/// The result of the extraction of a call.
enum CallState<A> {
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

impl<S, M, H, A> FromRequest<S, Via<M>> for Call<H, A>
where
    S: Send + Sync,
    M: 'static,
    H: Annotated,
    A: Extract<S, M> + Send + 'static,
{
    type Rejection = Infallible;

    /// Not an `async fn`, which would move the request once more, into its future.
    #[inline]
    fn from_request(
        request: Request,
        state: &S,
    ) -> impl Future<Output = Result<Self, Infallible>> + Send {
        Extraction {
            begin: erased_future(begin(H::ENTRY, request, state)),
            handler: PhantomData,
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
fn begin<S, M, A>(
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
                let extract = A::extract(request, state, handler.declaration.arguments);
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
        None => Ok(begin_request(request, route, false)),
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
        let task = Admission::new(route, request.headers(), &settings).begin(request);
        Box::new(Decision {
            task: task.map_err(Instead::Answer),
            settings: Some(settings),
        })
    }
}

impl<H, A> Call<H, A> {
    /// Runs the handler, or returns the response that there is already.
    #[inline]
    pub fn run<'a, F, R>(self, handler: F) -> impl Future<Output = Response>
    where
        F: Fn(A) -> R + Send + 'a,
        R: Future<Output: IntoResponse> + Send + 'a,
        A: Send + 'a,
    {
        self.run_stage(erased_stage, handler)
    }

    /// Like [`run`](Self::run), for a generic handler, whose future may be `Send` for some types
    /// and not for others.
    #[inline]
    pub fn run_generic<F, R>(self, handler: F) -> impl Future<Output = Response>
    where
        F: Fn(A) -> R,
        R: Future<Output: IntoResponse>,
    {
        self.run_stage(|begun| begun, handler)
    }

    #[inline]
    fn run_stage<F, R, S>(
        self,
        stage: impl FnOnce(HandlerStage<F, A, R>) -> S,
        handler: F,
    ) -> HandlerFuture<S>
    where
        S: Stage<Response>,
    {
        let (guard, arguments, unguarded) = match self.begun {
            CallState::Ready { arguments, guard } => {
                guard.task().enter_handler();
                (Some(guard), Some(arguments), Unguarded::Over)
            }
            CallState::TakenOver { arguments, part } => {
                part.enter_handler();
                (None, Some(arguments), Unguarded::TakenOver(part))
            }
            CallState::Answered(answered) => (None, None, Unguarded::Answered(answered)),
        };
        HandlerFuture {
            stage: stage(HandlerStage::Ready { handler, arguments }),
            guard,
            unguarded,
        }
    }
}

pin_project! {
    /// The extraction of a call of one handler.
    struct Extraction<H, F> {
        #[pin]
        begin: F,
        handler: PhantomData<fn() -> H>,
    }
}

impl<H, A, F> Future for Extraction<H, F>
where
    F: Future<Output = CallState<A>>,
{
    type Output = Result<Call<H, A>, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let begun = ready!(self.project().begin.poll(cx));
        Poll::Ready(Ok(Call {
            begun,
            handler: PhantomData,
        }))
    }
}

pin_project! {
    /// The extraction of a call of any handler.
    #[project = BeginProjected]
    enum Begin<A, F: Future> {
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
            StageEnd::Interrupted(guard) => CallState::answered(interrupted(guard)),
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

pin_project! {
    /// The run of a call.
    struct HandlerFuture<S>
    where
        S: Stage<Response>,
    {
        #[pin]
        stage: S,
        guard: Option<Guard>,
        unguarded: Unguarded,
    }

    impl<S> PinnedDrop for HandlerFuture<S>
    where
        S: Stage<Response>,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            drop_in_task(this.guard.as_ref(), this.stage);
        }
    }
}

/// The state of a call without a guard.
enum Unguarded {
    /// There is a response already.
    Answered(EarlyResponse),
    /// The guard of its task is a layer's.
    TakenOver(HandlerPart),
    /// It has returned its response.
    Over,
}

impl<S: Stage<Response>> Future for HandlerFuture<S> {
    type Output = Response;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let this = self.project();
        poll_handler(this.guard, this.stage, this.unguarded, cx)
    }
}

/// Polls the run of a call. Repeats `poll_stage` instead of calling it: a response is large and
/// stays in place.
#[inline]
fn poll_handler<S: Stage<Response>>(
    guard: &mut Option<Guard>,
    mut stage: Pin<&mut S>,
    unguarded: &mut Unguarded,
    cx: &mut Context<'_>,
) -> Poll<Response> {
    let Some(kept) = guard else {
        return poll_unguarded(stage, unguarded, cx);
    };
    let task = kept.task();
    if task.is_signalled() && task.take_signal() {
        return interrupt(guard, stage);
    }
    let scope = PollScope::enter(task);
    let mut polled = stage.as_mut().poll(cx);
    let Poll::Ready(response) = &mut polled else {
        scope.commit();
        scope.exit();
        if task.replace_waker(cx.waker()) && task.register_waker(cx.waker()) {
            return interrupt(guard, stage);
        }
        // Not `polled`, which has space for a response and would be moved.
        return Poll::Pending;
    };
    stage.clear();
    // Read while the task is polled, because it runs the host's code.
    let length = response.body().size_hint().exact();
    scope.finish();
    if let Some(guard) = guard.take() {
        track_body(guard, response, length);
    }
    polled
}

#[cold]
#[inline(never)]
fn poll_unguarded<S: Stage<Response>>(
    mut stage: Pin<&mut S>,
    unguarded: &mut Unguarded,
    cx: &mut Context<'_>,
) -> Poll<Response> {
    if let Unguarded::TakenOver(part) = unguarded {
        let response = ready!(part.poll(|| stage.as_mut().poll(cx)));
        stage.clear();
        *unguarded = Unguarded::Over;
        return Poll::Ready(response);
    }
    match std::mem::replace(unguarded, Unguarded::Over) {
        Unguarded::Answered(answer) => Poll::Ready(answer()),
        // Polled after completion, which no executor does: there is no second response.
        Unguarded::TakenOver(_) | Unguarded::Over => Poll::Pending,
    }
}

#[cold]
#[inline(never)]
fn interrupt<S: Stage<Response>>(guard: &mut Option<Guard>, stage: Pin<&mut S>) -> Poll<Response> {
    drop_in_task(guard.as_ref(), stage);
    match guard.take() {
        Some(guard) => Poll::Ready(interrupted(guard)),
        None => Poll::Pending,
    }
}

pin_project! {
    /// The handler's own future. The handler is called in the first poll, so that all of its code
    /// runs in the task.
    #[project = HandlerStageProjected]
    enum HandlerStage<F, A, R> {
        Ready { handler: F, arguments: Option<A> },
        Running { #[pin] future: R },
        Done,
    }
}

impl<F, A, R> Stage<Response> for HandlerStage<F, A, R>
where
    F: Fn(A) -> R,
    R: Future<Output: IntoResponse>,
{
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        if let HandlerStageProjected::Ready { handler, arguments } = self.as_mut().project() {
            let Some(arguments) = arguments.take() else {
                return Poll::Pending;
            };
            let future = handler(arguments);
            self.set(HandlerStage::Running { future });
        }
        match self.project() {
            HandlerStageProjected::Running { future } => {
                future.poll(cx).map(IntoResponse::into_response)
            }
            _ => Poll::Pending,
        }
    }

    #[inline]
    fn clear(mut self: Pin<&mut Self>) {
        self.set(HandlerStage::Done);
    }
}

impl<H, A> fmt::Debug for Call<H, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

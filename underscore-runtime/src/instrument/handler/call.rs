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
use crate::instrument::request::{self, Delayed, admit, begin_request};
use crate::routes::{HandlerEntry, Route};
use crate::settings::EffectiveSettings;
use crate::stats::Outcome;
use crate::task::Slot;

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
            Ok(task) => (task, Some(decision.settings)),
            Err(response) => {
                return Begin::Decided {
                    begun: Some(CallState::answered(*response)),
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
    }
}

/// Finds the route of a request and begins its task: the part that is the same for all handlers.
#[inline(never)]
fn enter(
    handler: &'static HandlerEntry,
    request: &Request,
) -> Result<&'static Slot, Box<Decision>> {
    let path = request.extensions().get::<MatchedPath>();
    let route = handler.route_of(request.method(), path);
    match route.effective() {
        None => Ok(begin_request(request, route)),
        Some(settings) => Err(Decision::new(request, route, settings)),
    }
}

/// The outcome of admission on a route with settings.
struct Decision {
    task: Result<&'static Slot, Box<Response>>,
    settings: Arc<EffectiveSettings>,
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
        let task = admit(route, request, &settings).map(Guard::into_task);
        Box::new(Decision { task, settings })
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
        let (guard, arguments, answered) = match self.begun {
            CallState::Ready { arguments, guard } => (Some(guard), Some(arguments), None),
            CallState::Answered(answered) => (None, None, Some(answered)),
        };
        HandlerFuture {
            stage: stage(HandlerStage::Ready { handler, arguments }),
            guard,
            answered,
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
        Extracting { #[pin] extraction: Tracked<Delayed<F>> },
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
        let extraction = match self.project() {
            BeginProjected::Decided { begun } => {
                return begun.take().map_or(Poll::Pending, Poll::Ready);
            }
            BeginProjected::Extracting { extraction } => extraction,
        };
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
        })
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
        answered: Option<EarlyResponse>,
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

impl<S: Stage<Response>> Future for HandlerFuture<S> {
    type Output = Response;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let this = self.project();
        poll_handler(this.guard, this.stage, this.answered, cx)
    }
}

/// Polls the run of a call. Repeats `poll_stage` instead of calling it: a response is large and
/// stays in place.
#[inline]
fn poll_handler<S: Stage<Response>>(
    guard: &mut Option<Guard>,
    mut stage: Pin<&mut S>,
    answered: &mut Option<EarlyResponse>,
    cx: &mut Context<'_>,
) -> Poll<Response> {
    let Some(kept) = guard else {
        // Polled after completion, which no executor does: there is no second response.
        let answered = answered.take();
        return answered.map_or(Poll::Pending, |answer| Poll::Ready(answer()));
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
fn interrupt<S: Stage<Response>>(guard: &mut Option<Guard>, stage: Pin<&mut S>) -> Poll<Response> {
    drop_in_task(guard.as_ref(), stage);
    match guard.take() {
        Some(guard) => Poll::Ready(interrupted(guard)),
        None => Poll::Pending,
    }
}

/// Ends an interrupted task and returns the response to its client.
#[cold]
fn interrupted(guard: Guard) -> Response {
    let interrupt = guard.task().pending_interrupt();
    let response = request::ended(interrupt.as_ref());
    let outcome = guard.interrupt_outcome();
    guard.end_with(outcome, response.status());
    response
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

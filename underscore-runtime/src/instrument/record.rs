//! The record of a request that a layer has begun, as the code within finds it: an annotated
//! handler takes it over, so that the request is one task with one end.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use axum::extract::{MatchedPath, Request};
use axum::http::{Extensions, HeaderMap};
use axum::response::Response;

use super::poll::{self, Guard};
use super::request::{Admission, Refusal};
use crate::routes::{HandlerEntry, Route};
use crate::settings::EffectiveSettings;
use crate::stats::Outcome;
use crate::task::{Background, NewTask, Slot, SlotRef, TaskId, TaskParent};

/// Marks a request that a layer has begun, in its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerRecord {
    task: SlotRef,
    id: u64,
}

/// True once a layer has begun a request. Until then, requests outside of tasks are not searched
/// for a record.
static IS_USED: AtomicBool = AtomicBool::new(false);

impl LayerRecord {
    /// The mark of a request whose record a layer has just begun.
    pub(super) fn new(task: &'static Slot) -> Self {
        if !IS_USED.load(Ordering::Relaxed) {
            IS_USED.store(true, Ordering::Relaxed);
        }
        LayerRecord {
            task: SlotRef::new(task),
            id: task.id(),
        }
    }

    /// True once a layer has begun a request.
    #[inline]
    pub(super) fn are_used() -> bool {
        IS_USED.load(Ordering::Relaxed)
    }

    /// The record of the request with these extensions.
    #[inline]
    pub(super) fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied()
    }

    /// The task, if this thread polls it.
    pub(super) fn current(self) -> Option<&'static Slot> {
        poll::current().filter(|task| task.id() == self.id)
    }

    /// Begins the task of a handler that is not polled by the task of this record, because
    /// middleware has spawned or tracked it: work of the request, which counts where the layer has
    /// begun it. `None` if the request has ended. Returns the response if the settings of the
    /// handler's route refuse it.
    pub(super) fn begin_elsewhere(
        self,
        handler: &'static HandlerEntry,
        request: &Request,
    ) -> Option<Result<Elsewhere, Box<Response>>> {
        let work = self.begin_work("handler", handler.declaration.handler)?;
        let work = Guard::new(work);
        let mut settings = None;
        let task = self.task.get();
        if !task.is_taken_over()
            && let Some(from) = task.route()
        {
            let is_admitted = !task.is_unadmitted();
            let path = request.extensions().get::<MatchedPath>();
            let route = handler.route_within(from, request.method(), path);
            settings = settings_left(route, from, is_admitted);
            let refusal = settings.as_deref().and_then(|settings| {
                // The thread that polls the request counts it on the route.
                let counted = u64::from(std::ptr::eq(route, from));
                let admission = Admission::new(route, request.headers(), settings);
                admission.admit(counted, || ()).err()
            });
            let refused = refusal.as_ref().map(|refusal| refusal.outcome);
            task.set_reached(self.id, route, refused);
            if let Some(Refusal { outcome, response }) = refusal {
                work.end_with(outcome, response.status());
                return Some(Err(response));
            }
        }
        Some(Ok(Elsewhere { work, settings }))
    }

    /// Begins a part of the request that the task of this record does not poll. `None` if the
    /// request has ended.
    pub(super) fn begin_work(
        self,
        name: &'static str,
        code: &'static str,
    ) -> Option<&'static Slot> {
        let parent = TaskParent::of_request(self.task.get(), self.id)?;
        let work = Background {
            name: name.into(),
            code,
            parent: Some(parent),
        };
        Some(NewTask::background(Arc::new(work)).begin())
    }
}

/// The task of a handler that middleware has spawned, with the settings that its layer did not
/// apply.
pub(super) struct Elsewhere {
    pub(super) work: Guard,
    pub(super) settings: Option<Arc<EffectiveSettings>>,
}

/// Continues `task` on the route of the handler that it has reached in another tokio task. Called
/// by the thread that polls the task.
#[inline]
pub(super) fn follow_reached(task: &'static Slot) {
    let (from, is_admitted) = (task.route(), !task.is_unadmitted());
    if task.follow_reached()
        && let (Some(route), Some(from)) = (task.route(), from)
    {
        let is_refused = task.outcome().is_some();
        if !is_refused {
            apply_timeout(task, settings_left(route, from, is_admitted).as_deref());
        }
        // Middleware may try again.
        task.set_unadmitted(is_refused);
    }
}

/// The task of the request with these extensions, if a layer has begun it.
pub(crate) fn task_of(extensions: &Extensions) -> Option<TaskId> {
    LayerRecord::of(extensions).and_then(|record| TaskId::from_number(record.id))
}

/// A record that a handler has taken over, with the settings that its layer did not apply.
pub(super) struct TakenOver {
    pub(super) part: HandlerPart,
    pub(super) settings: Option<Arc<EffectiveSettings>>,
}

/// Takes over the record `task` that a layer has begun for `request`, and that this thread polls.
/// `None` if another handler has taken it over and runs: then the call is a task of its own.
#[inline]
pub(super) fn take_over(
    task: &'static Slot,
    handler: &'static HandlerEntry,
    request: &Request,
) -> Option<Result<TakenOver, Box<Response>>> {
    let from = task.route().filter(|_| !task.has_handler())?;
    let path = request.extensions().get::<MatchedPath>();
    let route = handler.route_within(from, request.method(), path);
    let settings = settings_left(route, from, !task.is_unadmitted());
    if (settings.is_some() || !std::ptr::eq(route, from))
        && let Err(response) = enter_route(task, route, request.headers(), settings.as_deref())
    {
        return Some(Err(response));
    }
    task.set_unadmitted(false);
    task.set_taken_over();
    // An earlier handler of this request may have panicked.
    task.clear_outcome();
    task.enter_extractors();
    let part = HandlerPart::new(task)?;
    Some(Ok(TakenOver { part, settings }))
}

/// Takes over the record of the request that this thread polls for a handler that keeps its
/// signature, which sees no request. `None` if no layer has begun it, or if another handler answers
/// it: then the call is part of its caller.
pub(super) fn take_over_kept(handler: &'static HandlerEntry) -> Option<HandlerPart> {
    let task = poll::current().filter(|task| task.awaits_handler())?;
    let from = task.route()?;
    let route = handler.route_within_kept(from, task.method().as_ref())?;
    let settings = settings_left(route, from, !task.is_unadmitted());
    if !std::ptr::eq(route, from) {
        task.move_to(route);
    }
    // The others act on arrival.
    apply_timeout(task, settings.as_deref());
    task.set_unadmitted(false);
    task.set_taken_over();
    task.clear_outcome();
    task.enter_handler();
    HandlerPart::new(task)
}

/// The settings of `route` that have not acted on a request that a layer has begun on `from`.
/// `is_admitted` is true if those of `from` have, as the route of a handler.
#[inline]
fn settings_left(
    route: &'static Route,
    from: &'static Route,
    is_admitted: bool,
) -> Option<Arc<EffectiveSettings>> {
    let is_same = std::ptr::eq(route, from);
    if is_same && is_admitted {
        return None;
    }
    let settings = route.effective()?;
    match route.settings_before_handler().filter(|_| is_same) {
        Some(applied) => settings.beyond(applied).map(Arc::new),
        None => Some(settings),
    }
}

/// Continues `task` on `route` if these settings of that admit it. Returns the response if they
/// refuse it.
#[cold]
#[inline(never)]
fn enter_route(
    task: &'static Slot,
    route: &'static Route,
    headers: &HeaderMap,
    settings: Option<&EffectiveSettings>,
) -> Result<(), Box<Response>> {
    let is_there = task.route().is_some_and(|from| std::ptr::eq(from, route));
    let enter = || {
        if !is_there {
            task.move_to(route);
        }
    };
    let Some(settings) = settings else {
        enter();
        return Ok(());
    };
    let admission = Admission::new(route, headers, settings);
    if let Err(Refusal { outcome, response }) = admission.admit(u64::from(is_there), enter) {
        enter();
        task.set_taken_over();
        // Middleware may try again.
        task.set_unadmitted(true);
        task.set_outcome(outcome);
        return Err(response);
    }
    apply_timeout(task, Some(settings));
    Ok(())
}

/// Applies the timeout, which covers the time since the layer.
fn apply_timeout(task: &'static Slot, settings: Option<&EffectiveSettings>) {
    if let Some(timeout) = settings.and_then(|settings| settings.timeout) {
        poll::expire_after(timeout, task.started(), task);
    }
}

/// A record that continues on the route that an inner layer knows.
pub(super) struct Narrowed {
    /// The settings that the outer layer did not apply.
    pub(super) settings: Option<Arc<EffectiveSettings>>,
    /// The route of the outer layer.
    pub(super) from: &'static Route,
}

/// Continues the record of an outer layer on the route that an inner one knows, if that sees more
/// of the path. Returns the response if the settings of that route refuse the request.
#[cold]
pub(super) fn narrow(
    task: &'static Slot,
    route: &'static Route,
    headers: &HeaderMap,
) -> Result<Option<Narrowed>, Box<Response>> {
    let is_narrower = |from: &&Route| from.identity.path.is_none() && route.identity.path.is_some();
    let from = task.route().filter(|_| !task.has_handler());
    let Some(from) = from.filter(is_narrower) else {
        return Ok(None);
    };
    // Before the settings are read: a handler that becomes known in between applies its own.
    let is_unadmitted = route.identity.is_of_layer();
    let settings = route.effective();
    enter_route(task, route, headers, settings.as_deref())?;
    task.set_unadmitted(is_unadmitted);
    Ok(Some(Narrowed { settings, from }))
}

/// A handler's part in the record of a layer. While it lives, the request is in the handler.
#[derive(Debug)]
pub(super) struct HandlerPart(NonZeroU64);

impl HandlerPart {
    pub(super) fn new(task: &Slot) -> Option<Self> {
        NonZeroU64::new(task.id()).map(HandlerPart)
    }

    /// The record, if this thread polls it.
    #[inline]
    fn task(&self) -> Option<&'static Slot> {
        poll::current().filter(|task| task.id() == self.0.get())
    }

    /// Records that the handler has panicked.
    #[inline]
    pub(super) fn set_panicked(&self) {
        if let Some(task) = self.task() {
            task.set_outcome(Outcome::Panicked);
        }
    }

    /// Records that the arguments are extracted.
    #[inline]
    pub(super) fn enter_handler(&self) {
        if let Some(task) = self.task() {
            task.enter_handler();
        }
    }

    /// Records that code of the handler runs, until [`end_code`](Self::end_code). If that panics,
    /// so has the request, although a layer may catch the panic and answer.
    #[inline]
    pub(super) fn begin_code(&self) {
        self.set_panicked();
    }

    /// Records that code of the handler has returned.
    #[inline]
    pub(super) fn end_code(&self) {
        if let Some(task) = self.task() {
            task.clear_outcome();
        }
    }

    /// Polls code of the handler.
    #[inline]
    pub(super) fn poll<T>(&self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        self.begin_code();
        let polled = poll();
        self.end_code();
        polled
    }
}

impl Drop for HandlerPart {
    #[inline]
    fn drop(&mut self) {
        if let Some(task) = self.task() {
            task.leave_handler();
        }
    }
}

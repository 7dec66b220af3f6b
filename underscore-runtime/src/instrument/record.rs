//! The record of a request that a layer has begun, as the code within finds it: an annotated
//! handler takes it over, so that the request is one task with one end.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use axum::extract::{MatchedPath, Request};
use axum::http::{Extensions, HeaderMap};
use axum::response::Response;

use super::poll;
use super::request::{Admission, Refusal};
use crate::routes::{HandlerEntry, Route};
use crate::settings::EffectiveSettings;
use crate::stats::Outcome;
use crate::task::{Background, NewTask, Slot, SlotRef, TaskParent};

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
    /// begun it. `None` if the request has ended.
    pub(super) fn begin_elsewhere(
        self,
        handler: &'static HandlerEntry,
        request: &Request,
    ) -> Option<&'static Slot> {
        let work = self.begin_work("handler", handler.declaration.handler)?;
        let path = request.extensions().get::<MatchedPath>();
        let route = handler.route_of(request.method(), path);
        self.task.get().set_reached(self.id, route);
        Some(work)
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
    let settings = if std::ptr::eq(route, from) && !task.is_unadmitted() {
        // The layer has applied them.
        None
    } else {
        match enter_route(task, route, request.headers()) {
            Ok(settings) => settings,
            Err(response) => return Some(Err(response)),
        }
    };
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
    let is_there = std::ptr::eq(route, from);
    if !is_there {
        task.move_to(route);
    }
    if task.is_unadmitted() || !is_there {
        // The layer did not know them.
        let settings = route.effective();
        if let Some(timeout) = settings.and_then(|settings| settings.timeout) {
            poll::expire_after(timeout, task.started(), task);
        }
    }
    task.set_unadmitted(false);
    task.set_taken_over();
    task.clear_outcome();
    task.enter_handler();
    HandlerPart::new(task)
}

/// Continues `task` on `route`. Returns the settings of that if they admit it, otherwise the
/// response.
#[cold]
#[inline(never)]
fn enter_route(
    task: &'static Slot,
    route: &'static Route,
    headers: &HeaderMap,
) -> Result<Option<Arc<EffectiveSettings>>, Box<Response>> {
    let is_there = task.route().is_some_and(|from| std::ptr::eq(from, route));
    let enter = || {
        if !is_there {
            task.move_to(route);
        }
    };
    let settings = route.effective();
    if let Some(settings) = &settings {
        let admission = Admission::new(route, headers, settings);
        if let Err(Refusal { outcome, response }) = admission.admit(u64::from(is_there), enter) {
            enter();
            task.set_taken_over();
            // Middleware may try again.
            task.set_unadmitted(true);
            task.set_outcome(outcome);
            return Err(response);
        }
        if let Some(timeout) = settings.timeout {
            poll::expire_after(timeout, task.started(), task);
        }
    } else {
        enter();
    }
    task.set_unadmitted(route.identity.is_of_layer());
    Ok(settings)
}

/// Continues the record of an outer layer on the route that an inner one knows, which sees more of
/// the path. Returns the settings that the outer layer did not apply, or the response if they refuse
/// the request.
#[cold]
pub(super) fn narrow(
    task: &'static Slot,
    route: &'static Route,
    headers: &HeaderMap,
) -> Result<Option<Arc<EffectiveSettings>>, Box<Response>> {
    let is_narrower = |from: &Route| from.identity.path.is_none() && route.identity.path.is_some();
    if task.has_handler() || !task.route().is_some_and(is_narrower) {
        return Ok(None);
    }
    enter_route(task, route, headers)
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
        if let Some(task) = self.task() {
            task.set_outcome(Outcome::Panicked);
        }
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

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
    /// The mark of a request whose record a layer has just begun, with the settings of its handler
    /// if it knows that.
    pub(super) fn new(task: &'static Slot, knows_handler: bool) -> Self {
        if !IS_USED.load(Ordering::Relaxed) {
            IS_USED.store(true, Ordering::Relaxed);
        }
        task.set_begun_by_layer(knows_handler);
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
    pub(super) fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied()
    }

    /// True if this thread polls it.
    pub(super) fn is_current(self) -> bool {
        self.current().is_some()
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
        let task = self.task.get();
        let parent = TaskParent::of_request(task, self.id)?;
        let path = request.extensions().get::<MatchedPath>();
        task.set_reached(self.id, handler.route_of(request.method(), path));
        let work = Background {
            name: "handler".into(),
            code: handler.declaration.handler,
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

/// Takes over the record that a layer has begun for `request`. `None` if this thread polls no such
/// record, or if another handler has taken it over and runs: then the call is a task of its own.
#[cold]
pub(super) fn take_over(
    handler: &'static HandlerEntry,
    request: &Request,
) -> Option<Result<TakenOver, Box<Response>>> {
    let task = LayerRecord::of(request.extensions())?.current()?;
    let from = task.route().filter(|_| !task.has_handler())?;
    let path = request.extensions().get::<MatchedPath>();
    let route = handler.route_within(from, request.method(), path);
    // The layer has applied the settings of the route that it knew.
    let has_settings = std::ptr::eq(route, from) && !task.is_begun_without_handler();
    let settings = if has_settings {
        None
    } else {
        match enter_route(task, route, request.headers()) {
            Entered::Admitted(settings) => settings,
            Entered::Refused(response) => return Some(Err(response)),
            Entered::Not => return None,
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
    if !std::ptr::eq(route, from) && !task.move_to(route) {
        return None;
    }
    if task.is_begun_without_handler() || !std::ptr::eq(route, from) {
        // The layer did not know them.
        let settings = route.effective();
        if let Some(timeout) = settings.and_then(|settings| settings.timeout) {
            poll::expire_after(timeout, task.started(), task);
        }
    }
    task.set_taken_over();
    task.clear_outcome();
    task.enter_handler();
    HandlerPart::new(task)
}

/// Whether a task has continued on another route.
enum Entered {
    /// The settings of the route, if any, admit it.
    Admitted(Option<Arc<EffectiveSettings>>),
    /// They refuse it.
    Refused(Box<Response>),
    /// It cannot continue there.
    Not,
}

/// Continues `task` on `route` if the settings of that admit it.
fn enter_route(task: &'static Slot, route: &'static Route, headers: &HeaderMap) -> Entered {
    let is_there = task.route().is_some_and(|from| std::ptr::eq(from, route));
    let enter = || is_there || task.move_to(route);
    let Some(settings) = route.effective() else {
        return if enter() {
            Entered::Admitted(None)
        } else {
            Entered::Not
        };
    };
    let admission = Admission::new(route, headers, &settings);
    match admission.admit(u64::from(is_there), enter) {
        Ok(false) => Entered::Not,
        Ok(true) => {
            if let Some(timeout) = settings.timeout {
                poll::expire_after(timeout, task.started(), task);
            }
            Entered::Admitted(Some(settings))
        }
        Err(Refusal { outcome, response }) => {
            enter();
            task.set_taken_over();
            task.set_outcome(outcome);
            Entered::Refused(response)
        }
    }
}

/// Continues the record of an outer layer on the route that an inner one knows, which sees more of
/// the path. Returns the response if the settings of that route refuse the request.
#[cold]
pub(super) fn narrow(
    task: &'static Slot,
    route: &'static Route,
    headers: &HeaderMap,
) -> Result<(), Box<Response>> {
    let is_narrower = |from: &Route| from.identity.path.is_none() && route.identity.path.is_some();
    if task.has_handler() || !task.route().is_some_and(is_narrower) {
        return Ok(());
    }
    match enter_route(task, route, headers) {
        Entered::Refused(response) => Err(response),
        Entered::Admitted(_) | Entered::Not => Ok(()),
    }
}

/// A handler's part in the record of a layer. While it lives, the request is in the handler.
#[derive(Debug)]
pub(super) struct HandlerPart(NonZeroU64);

impl HandlerPart {
    pub(super) fn new(task: &Slot) -> Option<Self> {
        NonZeroU64::new(task.id()).map(HandlerPart)
    }

    /// The record, if this thread polls it.
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
    fn drop(&mut self) {
        if let Some(task) = self.task() {
            task.leave_handler();
        }
    }
}

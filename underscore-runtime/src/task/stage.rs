//! How far a request has come, in two bits of the record's flags, and the record of a layer that a
//! handler takes over.

use super::extra::Reached;
use super::poller_state::{LAYER, STAGE, STREAMING, TAKEN_OVER, UNADMITTED};
use super::slot::Slot;
use super::thread::{ThreadContext, with_thread};
use crate::clock::Instant;
use crate::routes::Route;
use crate::stats::Outcome;
use crate::sync::atomic::Ordering;
use crate::sync::contained;

/// The part of the service that a request is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Code around the handler: before it, or after it has returned.
    Middleware,
    /// The handler's arguments are extracted.
    Extractors,
    /// The annotated handler.
    Handler,
    /// The response's body.
    Body,
    /// A service in which no annotated handler is known.
    Service,
}

const EXTRACTORS: u32 = 1 << 20;
const HANDLER: u32 = 2 << 20;
/// The extraction of the arguments of a handler that has not taken the record over yet.
const AWAITS_HANDLER: u32 = EXTRACTORS | HANDLER;
const _: () = assert!(AWAITS_HANDLER == STAGE);

/// For the thread that polls the task.
impl Slot {
    /// True if a layer has begun it.
    pub(crate) fn is_begun_by_layer(&self) -> bool {
        self.flags() & LAYER != 0
    }

    /// True until the settings of its handler's route have admitted it, in a record of a layer.
    /// Also on a thread that does not poll the task.
    pub(crate) fn is_unadmitted(&self) -> bool {
        self.flags() & UNADMITTED != 0
    }

    /// Records whether the settings of its handler's route have yet to admit it.
    pub(crate) fn set_unadmitted(&self, is_unadmitted: bool) {
        let flags = self.flags() & !UNADMITTED;
        let bit = if is_unadmitted { UNADMITTED } else { 0 };
        self.flags.store(flags | bit, Ordering::Relaxed);
    }

    /// Records that a handler has taken it over.
    pub(crate) fn set_taken_over(&self) {
        self.set_flags(TAKEN_OVER);
    }

    /// True if a handler has taken it over. Also on a thread that does not poll the task.
    pub(crate) fn is_taken_over(&self) -> bool {
        self.flags() & TAKEN_OVER != 0
    }

    /// True while a handler has taken over the record of a layer.
    pub(crate) fn has_handler(&self) -> bool {
        !matches!(self.flags() & STAGE, 0 | AWAITS_HANDLER)
    }

    /// True if a layer has begun it and no handler has taken it over yet.
    pub(crate) fn awaits_handler(&self) -> bool {
        self.flags() & (LAYER | TAKEN_OVER) == LAYER
    }

    /// Records that no layer is left between the request and its handler, which has `keep`.
    pub(crate) fn enter_extractors_of_kept(&self) {
        self.set_stage(AWAITS_HANDLER);
    }

    /// Records that the extraction of a handler's arguments begins.
    pub(crate) fn enter_extractors(&self) {
        self.set_stage(EXTRACTORS);
    }

    /// Records that the handler runs.
    #[inline]
    pub(crate) fn enter_handler(&self) {
        self.set_stage(HANDLER);
    }

    /// Records that the handler has returned.
    pub(crate) fn leave_handler(&self) {
        self.set_stage(0);
    }

    #[inline]
    fn set_stage(&self, stage: u32) {
        let flags = self.flags() & !STAGE | stage;
        self.flags.store(flags, Ordering::Relaxed);
    }

    /// Continues the request on another route.
    pub(crate) fn move_to(&self, route: &'static Route) {
        let from = self.route.load();
        if let Some(from) = from
            && from.identity.path != route.identity.path
            && let Some(path) = from.identity.path.as_deref()
        {
            self.keep_uri(path);
        }
        if self.has_extra()
            && let Some(extra) = self.inner.lock().extra(self.id())
        {
            // A copy on the former route. Work that has begun keeps it.
            extra.request = None;
        }
        let shard = with_thread(ThreadContext::shard);
        route.stats.begin(shard, Instant::now());
        self.route.store(Some(route));
        if let Some(from) = from {
            from.stats.retract(shard);
        }
    }

    /// Records that the handler of the request with this id runs in another tokio task, on `route`,
    /// or that the settings of that route have `refused` the request. Not once the response
    /// streams: then it has been answered without that handler, and a wake would be taken for an
    /// interrupt.
    pub(crate) fn set_reached(&self, id: u64, route: &'static Route, refused: Option<Outcome>) {
        let mut inner = self.inner.lock();
        // Under the lock, under which the waker of the body is registered after this flag is set.
        if !self.belongs_to(id) || self.flags() & STREAMING != 0 {
            return;
        }
        inner.extra_or_new(id).reached = Some(Reached { route, refused });
        self.signal(id);
        // The poll that follows registers it again: see `take_signal`.
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
    }

    /// Moves the task to the route of its handler that runs in another tokio task, unless it has
    /// had a handler. True if it has moved. Called by the thread that polls the task.
    pub(crate) fn follow_reached(&self) -> bool {
        // The signal of a handler that was faster than this poll has not been taken.
        if !self.has_extra() && !self.is_signalled() {
            return false;
        }
        let reached = || self.inner.lock().extra(self.id())?.reached.take();
        let Some(Reached { route, refused }) = reached().filter(|_| !self.is_taken_over()) else {
            return false;
        };
        self.move_to(route);
        self.set_taken_over();
        if let Some(outcome) = refused {
            self.set_outcome(outcome);
        }
        true
    }

    /// The stage of a request, on any thread.
    pub(super) fn stage(&self) -> Option<Stage> {
        let route = self.route.load()?;
        let flags = self.flags();
        Some(match flags & STAGE {
            _ if flags & STREAMING != 0 => Stage::Body,
            HANDLER => Stage::Handler,
            EXTRACTORS | AWAITS_HANDLER => Stage::Extractors,
            _ if flags & LAYER == 0 => Stage::Extractors,
            _ if route.identity.is_of_layer() => Stage::Service,
            _ => Stage::Middleware,
        })
    }
}

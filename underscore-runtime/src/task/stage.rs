//! How far a request has come, in two bits of the record's flags, and the record of a layer that a
//! handler takes over.

use super::poller_state::{LAYER, STAGE, STREAMING, TAKEN_OVER, UNLEARNED};
use super::slot::Slot;
use super::thread::{ThreadContext, with_thread};
use crate::clock::Instant;
use crate::routes::Route;
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
    /// Records that a layer has begun it, on a route whose handler it knows or not.
    #[inline]
    pub(crate) fn set_begun_by_layer(&self, knows_handler: bool) {
        self.set_flags(if knows_handler {
            LAYER
        } else {
            LAYER | UNLEARNED
        });
    }

    /// True if a layer has begun it.
    pub(crate) fn is_begun_by_layer(&self) -> bool {
        self.flags() & LAYER != 0
    }

    /// True if a layer has begun it without the settings of a handler. The handler may have become
    /// known since.
    pub(crate) fn is_begun_without_handler(&self) -> bool {
        self.flags() & UNLEARNED != 0
    }

    /// Records that a handler has taken it over.
    pub(crate) fn set_taken_over(&self) {
        self.set_flags(TAKEN_OVER);
    }

    /// True if a handler has taken it over.
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

    /// Continues the task on another route. False if its URI would be lost: a URI that equals the
    /// path of its route is not stored.
    pub(crate) fn move_to(&self, route: &'static Route) -> bool {
        let from = self.route.load();
        let is_at_same_path = from.is_some_and(|from| from.identity.path == route.identity.path);
        if !is_at_same_path && !self.has_uri() {
            return false;
        }
        let shard = with_thread(ThreadContext::shard);
        route.stats.begin(shard, Instant::now());
        self.route.store(Some(route));
        if let Some(from) = from {
            from.stats.retract(shard);
        }
        true
    }

    /// Records that the handler of the request with this id runs in another tokio task, on `route`.
    pub(crate) fn set_reached(&self, id: u64, route: &'static Route) {
        let mut inner = self.inner.lock();
        if !self.belongs_to(id) {
            return;
        }
        inner.extra_or_new(id).reached = Some(route);
        self.signal(id);
        // Stays registered, for an interrupt.
        let waker = inner.waker.clone();
        drop(inner);
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
    }

    /// Moves the task to the route of its handler that runs in another tokio task, once. Called by
    /// the thread that polls the task.
    pub(crate) fn follow_reached(&self) {
        if self.has_extra() {
            let reached = || self.inner.lock().extra(self.id())?.reached.take();
            if let Some(route) = reached()
                && self.move_to(route)
            {
                self.set_taken_over();
            }
        }
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

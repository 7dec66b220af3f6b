//! State owned by the thread that polls the task, kept in the slot from poll to poll. One thread at
//! a time polls a task, and moving the future to another thread synchronizes them, so plain loads
//! and stores suffice.

use std::task::Waker;

use axum::http::{Method, StatusCode};
use tokio::task::AbortHandle;

use super::panic_note::PanicNote;
use super::slot::{Slot, info};
use crate::clock::Instant;
use crate::routes::Route;
use crate::stats::Outcome;
use crate::sync::atomic::Ordering;
use crate::threads::ThreadRecord;

/// The state of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TaskState {
    /// A thread polls it.
    Running,
    /// It waits for a blocking thread.
    Queued,
    /// It waits to be woken.
    Waiting,
    /// It streams its response: it waits for more of the body or for the client to read.
    Streaming,
}

impl TaskState {
    /// The word on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            TaskState::Running => "running",
            TaskState::Waiting => "waiting",
            TaskState::Streaming => "streaming",
            TaskState::Queued => "queued",
        }
    }
}

// The bits of [`Slot::flags`].

/// The status of the response.
const STATUS: u32 = 0xffff;
/// The ordinal of the outcome, zero for `None`.
const OUTCOME: u32 = 0xf << 16;
/// See `stage`.
pub(super) const STAGE: u32 = 0x3 << 20;
/// A layer began the record.
pub(super) const LAYER: u32 = 1 << 22;
/// A handler took the record of a layer over.
pub(super) const TAKEN_OVER: u32 = 1 << 23;
/// A waker was registered.
const WAKER: u32 = 1 << 24;
/// The task has an `Extra`.
const EXTRA: u32 = 1 << 25;
/// Awaits were added to its stack.
pub(super) const NODES: u32 = 1 << 26;
/// The client disconnected in the middle of its request.
const CLIENT_LEFT: u32 = 1 << 27;
/// The response streams.
pub(super) const STREAMING: u32 = 1 << 28;

/// The connection took the last frame of the body and has not polled for another since.
const AWAITS_CLIENT: u32 = 1 << 29;

/// The settings of its handler's route have yet to admit the request of a layer.
pub(super) const UNADMITTED: u32 = 1 << 30;

/// The flags that require cleanup at the end.
pub(super) const NEEDS_CLEANUP: u32 = WAKER | EXTRA | NODES | STREAMING;

impl Slot {
    #[inline]
    pub(super) fn flags(&self) -> u32 {
        self.flags.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn set_flags(&self, flags: u32) {
        self.flags.store(self.flags() | flags, Ordering::Relaxed);
    }

    pub(super) fn set_has_waker(&self) {
        self.set_flags(WAKER);
    }

    pub(super) fn has_extra(&self) -> bool {
        self.flags() & EXTRA != 0
    }

    pub(super) fn set_has_extra(&self) {
        self.set_flags(EXTRA);
    }

    /// Records the begin of a poll.
    #[inline]
    pub(crate) fn begin_poll(&self) {
        self.add_to_polls(1);
    }

    /// Records the end of a poll.
    #[inline]
    pub(crate) fn end_poll(&self) {
        self.add_to_polls(1);
        self.since.set_coarse();
    }

    /// Reverts `begin_poll`: the task's next future continues the same poll, and records it again.
    #[inline]
    pub(crate) fn retract_poll(&self) {
        self.add_to_polls(u64::MAX);
    }

    #[inline]
    fn add_to_polls(&self, more: u64) {
        let polls = self.polls.load(Ordering::Relaxed).wrapping_add(more);
        self.polls.store(polls, Ordering::Relaxed);
    }

    /// Number of polls begun so far.
    pub(crate) fn poll_count(&self) -> u64 {
        self.polls.load(Ordering::Relaxed).div_ceil(2)
    }

    /// Records that it is polled within the poll of another task.
    #[cold]
    pub(crate) fn begin_inner_poll(&self, record: &ThreadRecord) {
        self.thread.store(record.number(), Ordering::Relaxed);
        self.since.set_coarse();
    }

    /// Records that another task is polled within its poll. The thread's record names that task
    /// meanwhile. Returns the previous value of `thread`.
    #[cold]
    pub(crate) fn begin_outer_poll(&self, record: &ThreadRecord) -> u32 {
        let before = self.thread.load(Ordering::Relaxed);
        if before == u32::MAX {
            self.since.set(record.entered());
            self.thread.store(record.number(), Ordering::Relaxed);
        }
        before
    }

    /// Sets the number of the polling thread if that is in more than one poll, else `u32::MAX`.
    #[cold]
    pub(crate) fn set_thread(&self, thread: u32) {
        self.thread.store(thread, Ordering::Relaxed);
    }

    /// Stores the addresses of `waker`. True if they changed, so that it must be registered.
    ///
    /// Two wakers with the same data and the same vtable wake the same task. The registered clone
    /// keeps the data alive until the task is interrupted, so until then no waker of another task
    /// can have its address.
    #[inline]
    pub(crate) fn replace_waker(&self, waker: &Waker) -> bool {
        let data = waker.data().addr();
        let vtable = std::ptr::from_ref(waker.vtable()).addr();
        if self.waker_vtable.load(Ordering::Relaxed) == vtable
            && self.waker_data.load(Ordering::Relaxed) == data
        {
            return false;
        }
        self.waker_data.store(data, Ordering::Relaxed);
        self.waker_vtable.store(vtable, Ordering::Relaxed);
        true
    }

    /// Sets the status of the response.
    #[inline]
    pub(crate) fn set_status(&self, status: StatusCode) {
        let flags = self.flags() & !STATUS | u32::from(status.as_u16());
        self.flags.store(flags, Ordering::Relaxed);
    }

    /// The status of the response, `None` if there is none yet.
    #[inline]
    pub(crate) fn status(&self) -> Option<StatusCode> {
        let status = u16::try_from(self.flags() & STATUS).ok()?;
        StatusCode::from_u16(status).ok()
    }

    /// Sets the outcome of the task if it ends now.
    #[inline]
    pub(crate) fn set_outcome(&self, outcome: Outcome) {
        let flags = self.flags() & !OUTCOME | u32::from(outcome.ordinal()) << 16;
        self.flags.store(flags, Ordering::Relaxed);
    }

    /// Clears the outcome that [`set_outcome`](Self::set_outcome) set.
    #[inline]
    pub(crate) fn clear_outcome(&self) {
        self.flags.store(self.flags() & !OUTCOME, Ordering::Relaxed);
    }

    /// The outcome of the task if it ends now, `None` if it is not set.
    #[inline]
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        let ordinal = (self.flags() & OUTCOME) >> 16;
        let index = usize::try_from(ordinal).ok()?.checked_sub(1)?;
        Outcome::ALL.get(index).copied()
    }

    /// True if it has never waited, has no rare properties, and no signal of another thread.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.flags() & (CLIENT_LEFT | NEEDS_CLEANUP) == 0 && !self.is_signalled()
    }

    /// Records that the client disconnected in the middle of its request.
    pub(crate) fn set_client_left(&self) {
        self.set_flags(CLIENT_LEFT);
    }

    /// True if the client disconnected in the middle of its request.
    #[inline]
    pub(crate) fn has_client_left(&self) -> bool {
        self.flags() & CLIENT_LEFT != 0
    }

    /// Records that the response head is sent and the body streams.
    pub(crate) fn begin_streaming(&self, now: Instant) {
        self.set_flags(STREAMING | AWAITS_CLIENT);
        self.streaming_since.set(Some(now));
    }

    /// Records whether the connection has the last frame of the body, or polls for another one.
    pub(crate) fn set_awaits_client(&self, awaits: bool) {
        let flags = self.flags() & !AWAITS_CLIENT;
        let bit = if awaits { AWAITS_CLIENT } else { 0 };
        self.flags.store(flags | bit, Ordering::Relaxed);
    }

    /// True if the response streams, and the connection has not polled the body since it got the
    /// last frame.
    pub(crate) fn awaits_client(&self) -> bool {
        self.flags() & AWAITS_CLIENT != 0
    }

    /// When the response began to stream, `None` if it did not.
    #[inline]
    pub(crate) fn streaming_since(&self) -> Option<Instant> {
        self.streaming_since.get()
    }

    /// Adds to the number of body bytes passed to the connection.
    pub(crate) fn add_bytes_sent(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let sent = self.bytes_sent.load(Ordering::Relaxed);
        self.bytes_sent
            .store(sent.saturating_add(bytes), Ordering::Relaxed);
    }

    /// Number of body bytes passed to the connection, `None` if the response does not stream.
    pub(crate) fn bytes_sent(&self) -> Option<u64> {
        self.streaming_since()?;
        Some(self.bytes_sent.load(Ordering::Relaxed))
    }

    /// When the task began.
    #[inline]
    pub(crate) fn started(&self) -> Instant {
        Instant::from_nanos(self.started.load(Ordering::Relaxed))
    }

    /// True for a call on a blocking thread, false for a future.
    pub(crate) fn is_blocking_call(&self) -> bool {
        self.info.load(Ordering::Relaxed) & info::BLOCKING != 0
    }

    /// The state of the task.
    pub(crate) fn state(&self) -> TaskState {
        let polls = self.polls.load(Ordering::Relaxed);
        if polls % 2 == 1 {
            TaskState::Running
        } else if polls == 0 && self.is_blocking_call() {
            TaskState::Queued
        } else if self.streaming_since().is_some() {
            TaskState::Streaming
        } else {
            TaskState::Waiting
        }
    }

    /// The method of the request.
    pub(crate) fn method(&self) -> Option<Method> {
        let route = self.route.load()?;
        if self.info.load(Ordering::Relaxed) & info::METHOD == 0 {
            return Some(route.identity.method.clone());
        }
        let mut inner = self.inner.lock();
        inner.extra(self.id())?.method.clone()
    }

    /// The route of the request, `None` for background work.
    pub(crate) fn route(&self) -> Option<&'static Route> {
        self.route.load()
    }

    /// Stores the timer that interrupts the task at its timeout.
    pub(crate) fn set_timer(&self, timer: AbortHandle) {
        let mut inner = self.inner.lock();
        let before = inner.extra_or_new(self.id()).timer.replace(timer);
        drop(inner);
        self.set_has_extra();
        if let Some(before) = before {
            // That of a route on which the request has begun.
            before.abort();
        }
    }

    /// Stores the last panic in the code of the task.
    pub(crate) fn set_panic(&self, note: PanicNote) {
        let note = Box::new(note);
        let mut inner = self.inner.lock();
        let before = inner.extra_or_new(self.id()).panic.replace(note);
        drop(inner);
        self.set_has_extra();
        drop(before);
    }

    /// The last panic in the code of the task. The code may have caught it.
    pub(crate) fn panic_note(&self) -> Option<PanicNote> {
        if !self.has_extra() {
            return None;
        }
        let mut inner = self.inner.lock();
        inner.extra(self.id())?.panic.as_deref().cloned()
    }
}

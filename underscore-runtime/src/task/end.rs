//! Ends a task: counts it, releases its slot, and notifies the operators that wait for it.

use std::task::Waker;

use axum::http::StatusCode;

use super::extra::Extra;
use super::poller_state::{NEEDS_CLEANUP, NODES, STREAMING};
use super::slot::Slot;
use super::thread::{ThreadContext, with_thread};
use crate::clock::Instant;
use crate::connection;
use crate::stats::Outcome;
use crate::sync::atomic::{Ordering, fence};
use crate::sync::contained;

/// For the thread that polls the task.
impl Slot {
    /// Ends a task whose handler has just returned its response and which
    /// [is plain](Self::is_plain). A specialization of `end` for nearly all requests.
    #[inline]
    pub(crate) fn complete(&'static self, status: StatusCode) {
        let status = Some(status);
        self.count_end(Outcome::Completed, status, Instant::now());
        if let Some(connection) = self.connection() {
            connection::end_task(connection, status);
        }
        self.release();
        with_thread(|thread| thread.put_slot(self));
    }

    /// Ends the task. `at` is the end of its time: now, or the head of its response if that
    /// streams. `status` is `None` if it had no response.
    #[inline]
    pub(crate) fn end(&'static self, outcome: Outcome, status: Option<StatusCode>, at: Instant) {
        self.count_end(outcome, status, at);
        if let Some(connection) = self.connection() {
            connection::end_task(connection, status);
        }
        self.release_as(outcome);
    }

    #[inline]
    fn count_end(&self, outcome: Outcome, status: Option<StatusCode>, at: Instant) {
        if let Some(route) = self.route.load() {
            let shard = with_thread(ThreadContext::shard);
            let times = (self.started(), at);
            route.stats.end(shard, outcome, status, times);
        }
    }

    #[inline]
    fn release_as(&'static self, outcome: Outcome) {
        let flags = self.flags();
        if flags & NEEDS_CLEANUP == 0 && !self.is_signalled() {
            self.release();
            with_thread(|thread| thread.put_slot(self));
        } else {
            self.clean_up_and_release(flags, outcome);
        }
    }

    #[cold]
    #[inline(never)]
    fn clean_up_and_release(&'static self, flags: u32, outcome: Outcome) {
        let remains = {
            let mut inner = self.inner.lock();
            let (waker, extra) = inner.take(self.id());
            let remains = Remains { waker, extra };
            remains.set_ending(outcome);
            // Under the lock: an interrupt is either stored before, and is in `remains`, or finds
            // that the task has ended.
            self.release();
            remains
        };
        self.clear(flags);
        with_thread(|thread| thread.put_slot(self));
        // Runs host code, so only once the slot is free.
        drop(remains);
    }

    /// Clears the fields that the next task does not write. Called after the release, or a reader
    /// would find the task at no await, and before the slot is free.
    fn clear(&self, flags: u32) {
        if flags & NODES != 0 {
            self.clear_nodes();
        }
        if flags & STREAMING != 0 {
            // Pairs with the fence in `read`.
            fence(Ordering::Release);
            self.streaming_since.set(None);
            self.bytes_sent.store(0, Ordering::Relaxed);
        }
    }
}

/// The parts of an ended task that needed more than its slot. Dropped after the release: the drop
/// notifies the operators that wait.
struct Remains {
    waker: Option<Waker>,
    extra: Option<Box<Extra>>,
}

impl Remains {
    fn set_ending(&self, outcome: Outcome) {
        let interrupts = self
            .extra
            .as_ref()
            .and_then(|extra| extra.interrupts.as_ref());
        if let Some(interrupts) = interrupts {
            interrupts.ending.set(outcome);
        }
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        if let Some(mut extra) = self.extra.take() {
            extra.stop_timer();
            if let Some(interrupts) = extra.interrupts.take() {
                interrupts.done();
            }
        }
        if let Some(waker) = self.waker.take() {
            contained(|| drop(waker));
        }
    }
}

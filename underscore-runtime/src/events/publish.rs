//! The events of this process, and the readers that wait for the next one.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::futures::Notified;

use super::event::NewEvent;
use super::rings::Rings;
use crate::sync::{Mutex, Notify, contained};

/// Allocates nothing while empty.
pub(super) static EVENTS: Mutex<Rings> = Mutex::new(Rings::new());

static PUBLISHED: Notify = Notify::const_new();

/// Number of readers that wait for the next event.
static FOLLOWERS: AtomicU64 = AtomicU64::new(0);

/// Adds an event, and wakes those who wait for it.
pub(crate) fn publish(event: NewEvent) {
    let displaced = EVENTS.lock().push(event);
    // Without the lock.
    drop(displaced);
    // Relaxed: a follower registers before it reads the rings, under their lock.
    if FOLLOWERS.load(Ordering::Relaxed) > 0 {
        // The wakers may be the host's, and this may be the drop of a task that panics.
        contained(|| PUBLISHED.notify_waiters());
    }
}

/// A reader that waits for events.
#[derive(Debug)]
pub(crate) struct Follower(());

impl Follower {
    pub(crate) fn new() -> Self {
        FOLLOWERS.fetch_add(1, Ordering::Relaxed);
        Follower(())
    }

    /// Completes when an event is published after this call.
    #[allow(
        clippy::unused_self,
        reason = "only those who are counted are notified"
    )]
    pub(crate) fn published(&self) -> Notified<'static> {
        PUBLISHED.notified()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        FOLLOWERS.fetch_sub(1, Ordering::Relaxed);
    }
}

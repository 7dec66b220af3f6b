//! A unit of work in flight, as everyone but the thread that polls it sees it.

mod id;
mod ledger;
mod own;
mod signal;

use std::net::SocketAddr;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use axum::http::uri::PathAndQuery;
use axum::http::{Method, Version};

pub(crate) use id::{TaskId, shard};
pub(crate) use ledger::{Ledger, Place};
pub(crate) use own::Own;
pub(crate) use signal::{Order, Signal, Waiting};

use crate::clock::Instant;
use crate::route::Route;
use crate::stack::{Change, Keys, Stack, Tree};
use crate::stats::Outcome;
use crate::sync::Mutex;

/// The record of one task: shared by the future that runs it and whoever looks at it.
///
/// It outlives the task for as long as somebody looks; nothing in it then refers to the request's
/// resources, and an order to end it finds nothing to end.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: TaskId,
    pub(crate) route: &'static Route,
    pub(crate) started: Instant,
    pub(crate) request: RequestInfo,
    /// The order to end early.
    pub(crate) signal: Signal,
    /// For the thread that polls it, and nobody else.
    pub(crate) own: Own,
    /// Twice the polls so far, and one more while inside one.
    polls: AtomicU64,
    tree: Mutex<Tree>,
    /// The client stopped in the middle of its request.
    left_by_client: AtomicBool,
    /// One more than the outcome's place in `Outcome::ALL`; zero while the task lives.
    outcome: AtomicU8,
}

/// What is known of a task's request after its handler has taken it.
#[derive(Debug)]
pub(crate) struct RequestInfo {
    pub(crate) method: Method,
    /// As the client sent it: shared with the request's own bytes, not copied.
    pub(crate) uri: Option<PathAndQuery>,
    pub(crate) version: Version,
    pub(crate) remote: Option<SocketAddr>,
}

/// Whether a thread is in the task's code now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// A thread is inside its poll.
    Running,
    /// It waits to be woken.
    Waiting,
}

impl Task {
    #[inline]
    pub(crate) fn new(route: &'static Route, request: RequestInfo) -> Self {
        Task {
            id: TaskId::next(),
            route,
            started: Instant::now(),
            request,
            signal: Signal::new(),
            own: Own::new(),
            polls: AtomicU64::new(0),
            tree: Mutex::default(),
            left_by_client: AtomicBool::new(false),
            outcome: AtomicU8::new(0),
        }
    }

    /// Notes that a poll begins. Only the thread that polls calls this and [`left`](Self::left).
    #[inline]
    pub(crate) fn entered(&self) {
        self.step();
    }

    /// Notes that a poll is over.
    #[inline]
    pub(crate) fn left(&self) {
        self.step();
    }

    /// Takes back that a poll has begun: it goes on with the next future of the task, which says so
    /// itself, and it is one poll all the same.
    #[inline]
    pub(crate) fn handed_on(&self) {
        let polls = self.polls.load(Ordering::Relaxed);
        self.polls.store(polls.wrapping_sub(1), Ordering::Relaxed);
    }

    /// A plain add would do, for there is one writer at a time and whoever polls next was handed the
    /// future by the one before, so a load and a store are enough and spare a locked instruction.
    ///
    /// Relaxed: readers want a recent value and draw no conclusion about other memory from it.
    #[inline]
    fn step(&self) {
        let polls = self.polls.load(Ordering::Relaxed);
        self.polls.store(polls.wrapping_add(1), Ordering::Relaxed);
    }

    /// Notes that nobody waits for an answer any more: the client did not even end its request.
    pub(crate) fn client_left(&self) {
        // Relaxed: who asks is the thread that polls, in the same poll or in a later one.
        self.left_by_client.store(true, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_left_by_client(&self) -> bool {
        self.left_by_client.load(Ordering::Relaxed)
    }

    pub(crate) fn state(&self) -> State {
        match self.polls.load(Ordering::Relaxed) % 2 {
            1 => State::Running,
            _ => State::Waiting,
        }
    }

    /// Polls begun so far.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed).div_ceil(2)
    }

    /// The stack's tree, to read or to change for a few instructions.
    pub(crate) fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock()
    }

    /// Makes visible what changed in the stack during a poll, and gives the keys back that became free
    /// without the poller's doing.
    pub(crate) fn commit(&self, changes: impl Iterator<Item = Change>) -> Keys {
        let mut tree = self.tree.lock();
        changes.for_each(|change| tree.apply(&change));
        tree.settle()
    }

    /// Where the task waits, or what it left last while it runs.
    pub(crate) fn stack(&self) -> Stack {
        self.tree.lock().snapshot()
    }

    /// Notes how the task ended, once it has left its ledger, and tells who waits for that.
    #[inline]
    pub(crate) fn ended(&self, outcome: Outcome) {
        // Release: whoever sees the outcome sees the task gone from its ledger.
        self.outcome.store(outcome as u8 + 1, Ordering::Release);
        self.signal.close();
    }

    /// How it ended; nothing while it lives.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        let place = self.outcome.load(Ordering::Acquire).checked_sub(1)?;
        Outcome::ALL.get(usize::from(place)).copied()
    }
}

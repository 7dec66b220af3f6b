//! A unit of work in flight, as everyone but the thread that polls it sees it.

mod end;
mod id;
mod kind;
mod ledger;
mod own;
mod said;
mod signal;

use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

#[cfg(test)]
pub(crate) use id::MOST_SHARDS;
use id::shards;
pub(crate) use id::{TaskId, shard};
pub(crate) use kind::{Background, Kind, Parent, Rare, Request, Steered};
pub(crate) use ledger::{Ledger, Place};
pub(crate) use own::Own;
pub(crate) use said::{Said, Text};
pub(crate) use signal::{Order, Signal, Waiting};

use crate::clock::{AtomicInstant, Instant};
use crate::stack::{Body, Change, Frame, Keys, Tree};
use crate::sync::Mutex;

/// The record of one task: shared by the future that runs it and whoever looks at it.
///
/// It outlives the task for as long as somebody looks; nothing in it then refers to the request's
/// resources, and an order to end it finds nothing to end.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: TaskId,
    /// Where it is entered: its route's, or the one of all background work.
    pub(crate) ledger: &'static Ledger,
    pub(crate) started: Instant,
    pub(crate) kind: Kind,
    /// The order to end early.
    pub(crate) signal: Signal,
    /// For the thread that polls it, and nobody else.
    pub(crate) own: Own,
    /// Twice the polls so far, and one more while inside one.
    polls: AtomicU64,
    /// When that last changed.
    since: AtomicInstant,
    /// The number of the thread that polled it last.
    thread: AtomicU32,
    tree: Mutex<Tree>,
    stream: Stream,
    /// The client stopped in the middle of its request.
    left_by_client: AtomicBool,
    /// One more than the outcome's place in `Outcome::ALL`; zero while the task lives.
    outcome: AtomicU8,
}

/// The body of a response whose length nobody knew in advance.
#[derive(Debug)]
struct Stream {
    begun: AtomicInstant,
    bytes: AtomicU64,
}

/// Whether a thread is in the task's code now, and if not, what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// A thread is inside its poll.
    Running,
    /// It waits to be woken.
    Waiting,
    /// Its response is on its way; it waits for more of the body, or for the client to take it.
    Streaming,
}

impl Task {
    #[inline]
    pub(crate) fn new(kind: Kind) -> Self {
        Task {
            id: TaskId::next(),
            ledger: match &kind {
                Kind::Request(request) => &request.route.ledger,
                Kind::Background(_) => Ledger::of_background(),
            },
            started: Instant::now(),
            kind,
            signal: Signal::new(),
            own: Own::new(),
            polls: AtomicU64::new(0),
            since: AtomicInstant::never(),
            thread: AtomicU32::new(u32::MAX),
            tree: Mutex::default(),
            stream: Stream {
                begun: AtomicInstant::never(),
                bytes: AtomicU64::new(0),
            },
            left_by_client: AtomicBool::new(false),
            outcome: AtomicU8::new(0),
        }
    }

    /// Notes that a poll begins, on the thread with this number. Only the thread that polls calls this and
    /// [`left`](Self::left).
    #[inline]
    pub(crate) fn entered(&self, thread: u32) {
        self.thread.store(thread, Ordering::Relaxed);
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
        self.since.note_coarse();
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

    /// Notes that the response's head is on its way, and that the body will be streamed.
    pub(crate) fn streams(&self, now: Instant) {
        self.stream.begun.set(Some(now));
    }

    /// When that was, if it has come to it.
    #[inline]
    pub(crate) fn streams_since(&self) -> Option<Instant> {
        self.stream.begun.get()
    }

    /// Notes that so many bytes more of the body were handed to the connection.
    pub(crate) fn sent(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(0);
        // One writer at a time: see `step`.
        let before = self.stream.bytes.load(Ordering::Relaxed);
        let sent = before.saturating_add(bytes);
        self.stream.bytes.store(sent, Ordering::Relaxed);
    }

    /// The bytes of the body that were handed to the connection, once it is streaming.
    pub(crate) fn bytes_sent(&self) -> Option<u64> {
        self.streams_since()
            .map(|_| self.stream.bytes.load(Ordering::Relaxed))
    }

    pub(crate) fn state(&self) -> State {
        match self.polls.load(Ordering::Relaxed) % 2 {
            1 => State::Running,
            _ if self.streams_since().is_some() => State::Streaming,
            _ => State::Waiting,
        }
    }

    /// For how long it has been in its state: inside one poll, or waiting since the last one. To a tick of
    /// the coarse clock; nothing where nobody keeps that.
    pub(crate) fn in_state_for(&self, now: Instant) -> Option<Duration> {
        // A tick may lie before the task itself.
        self.since
            .get()
            .map(|since| now.since(since).min(now.since(self.started)))
    }

    /// The number of the thread that polled it last.
    pub(crate) fn thread(&self) -> u32 {
        self.thread.load(Ordering::Relaxed)
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

    /// Where the task waits, or what it left last while it runs, from the outside in.
    pub(crate) fn stack(&self) -> Vec<Frame> {
        let body = match &self.kind {
            Kind::Request(request) => Some(Body::of_function(request.route.descriptor.handler)),
            Kind::Background(background) => Body::of_type(background.future),
        };
        let stack = self.tree.lock().snapshot();
        stack.frames(body)
    }
}

//! All open connections, and the choice of the one to close when there are too many or they hold
//! too much memory. A new connection is always accepted, because it may be the one that an incident
//! needs. It replaces one of its own user if that user has its share, or else one of the user that
//! has the most.

use std::collections::HashMap;
use std::time::Duration;

use slab::Slab;
use tokio::task::{AbortHandle, yield_now};
use tokio::time::{Instant, timeout};

use super::limits::{Limits, MAX_HELD, MIN_REQUEST_TIME};
use crate::admin::LARGEST_BODY;
use crate::sync::{Arc, Mutex, Notify};

/// Delay between attempts to make room.
const RETRY: Duration = Duration::from_millis(10);

/// Number of attempts to make room that a request survives, in addition to its minimum time.
const MIN_ATTEMPTS: u32 = 5;

/// The user id of a client, if the kernel reports it.
pub(super) type User = Option<u32>;

/// All connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    limits: Limits,
    open: Mutex<Slab<AdminConnection>>,
    /// Notified when a connection has ended.
    ended: Notify,
}

/// State of an open connection.
#[derive(Debug)]
struct AdminConnection {
    user: User,
    phase: Phase,
    /// Begin of the phase.
    since: Instant,
    /// Time of the last byte read or written.
    last_io: Instant,
    /// Number of attempts to make room in this phase.
    attempts: u32,
    /// Bytes of the request body that were read, and of the response that are not written yet.
    held: usize,
    /// True while a response is streamed: more may follow after all buffered bytes are written.
    is_streaming: bool,
    /// True while a response is streamed that has no end.
    is_endless: bool,
    /// True once the server shuts down.
    is_stopping: bool,
    /// Ends the connection. `None` once that is done.
    task: Option<AbortHandle>,
}

/// Phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No byte of a request was read.
    Idle,
    /// A part of the request head was read.
    Head,
    /// The handler runs.
    Handling,
    /// The response is being written.
    Responding,
}

/// Registration of a connection. Removes it when dropped.
#[derive(Debug)]
pub(super) struct ConnectionGuard {
    connections: Arc<Connections>,
    key: usize,
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Self {
        Connections {
            limits,
            open: Mutex::new(Slab::new()),
            ended: Notify::new(),
        }
    }

    /// Registers a new connection of `user`, even if there are too many.
    pub(super) fn register(self: &Arc<Self>, user: User) -> ConnectionGuard {
        let now = Instant::now();
        let key = self.open.lock().insert(AdminConnection {
            user,
            phase: Phase::Idle,
            since: now,
            last_io: now,
            attempts: 0,
            held: 0,
            is_streaming: false,
            is_endless: false,
            is_stopping: false,
            task: None,
        });
        ConnectionGuard {
            connections: Arc::clone(self),
            key,
        }
    }

    /// Closes connections until there is room for one more of `user`.
    pub(super) async fn make_room(&self, user: User) {
        while self.is_full_for(user) {
            // A connection whose request has arrived and was not read yet looks idle: let it read
            // first.
            yield_now().await;
            yield_now().await;
            self.end_one(Some(user)).await;
        }
    }

    /// True if there are as many connections as allowed, of all users or of `user`.
    fn is_full_for(&self, user: User) -> bool {
        let open = self.open.lock();
        let own = open.iter().filter(|(_, open)| open.user == user).count();
        open.len() >= self.limits.connections || own >= self.limits.share_of_a_user()
    }

    /// Closes the most expendable connection, if there is one, and waits a short time for any
    /// connection to end. `newcomer` is the user of the connection that needs the room, if known.
    pub(super) async fn end_one(&self, newcomer: Option<User>) {
        let ended = self.ended.notified();
        {
            let now = Instant::now();
            let mut open = self.open.lock();
            let counts = count_by_user(open.iter().map(|(_, open)| open.user).chain(newcomer));
            let share = self.limits.share_of_a_user();
            let beyond_share = newcomer.filter(|user| counts.get(user).is_some_and(|n| *n > share));
            let most = counts.values().max().copied().unwrap_or(0);
            let pays = |open: &AdminConnection| match beyond_share {
                Some(user) => open.user == user,
                None => counts.get(&open.user) == Some(&most),
            };
            let expendable = open.iter_mut().map(|(_, open)| open);
            let expendable = expendable.filter_map(|open| open.is_expendable(now).then_some(open));
            let expendable = expendable.filter(|open| pays(open));
            if let Some(open) = expendable.min_by_key(|open| (open.is_busy(), open.since)) {
                open.end();
            }
        }
        // On a timeout the caller tries again.
        let _ = timeout(RETRY, ended).await;
    }

    /// Waits until all connections have ended.
    pub(super) async fn all_ended(&self) {
        loop {
            let ended = self.ended.notified();
            if self.open.lock().is_empty() {
                return;
            }
            ended.await;
        }
    }
}

fn count_by_user(users: impl Iterator<Item = User>) -> HashMap<User, usize> {
    let mut counts: HashMap<User, usize> = HashMap::new();
    for user in users {
        let count = counts.entry(user).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

impl AdminConnection {
    fn enter(&mut self, phase: Phase, now: Instant) {
        if self.phase != phase {
            self.phase = phase;
            self.since = now;
            self.attempts = 0;
        }
    }

    fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Handling | Phase::Responding)
    }

    fn is_expendable(&mut self, now: Instant) -> bool {
        self.attempts = self.attempts.saturating_add(1);
        // Not the time alone: the admin thread, and with it the request, may have been descheduled.
        let had_its_time =
            self.attempts > MIN_ATTEMPTS && now.duration_since(self.since) >= MIN_REQUEST_TIME;
        self.task.is_some() && (!self.is_busy() || had_its_time)
    }

    fn end(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            self.held = 0;
        }
    }
}

impl ConnectionGuard {
    /// Sets the task that serves the connection. It is aborted to make room.
    pub(super) fn set_task(&self, task: AbortHandle) {
        self.with(|open, _| open.task = Some(task));
    }

    pub(super) fn phase(&self) -> Phase {
        self.with(|open, _| open.phase)
    }

    /// Counts bytes read from the client.
    pub(super) fn on_read(&self, bytes: usize) {
        let holds = self.with(|open, now| {
            open.last_io = now;
            if open.phase == Phase::Idle {
                open.enter(Phase::Head, now);
            }
            // The size of a head is limited by hyper.
            let holds = open.is_busy();
            if holds {
                // Larger bodies are read but not kept.
                open.held = open.held.saturating_add(bytes).min(LARGEST_BODY);
            }
            holds
        });
        if holds {
            self.limit_memory();
        }
    }

    /// The head of a request was read.
    pub(super) fn on_request(&self) {
        self.with(|open, now| open.enter(Phase::Handling, now));
    }

    /// A response with a body of this size is ready.
    pub(super) fn on_response(&self, bytes: usize) {
        self.with(|open, now| {
            open.enter(Phase::Responding, now);
            open.last_io = now;
            open.held = bytes;
        });
        self.limit_memory();
    }

    /// The response is streamed, until [`on_stream_end`](Self::on_stream_end).
    pub(super) fn on_stream(&self, is_endless: bool) {
        self.with(|open, _| (open.is_streaming, open.is_endless) = (true, is_endless));
    }

    /// The last byte of a streamed response is buffered.
    pub(super) fn on_stream_end(&self) {
        self.with(|open, _| (open.is_streaming, open.is_endless) = (false, false));
    }

    /// The server shuts down. Returns true if the response has no end.
    pub(super) fn on_stop(&self) -> bool {
        self.with(|open, _| {
            open.is_stopping = true;
            open.is_endless
        })
    }

    /// True if the server shuts down and the response has no end.
    pub(super) fn is_to_end(&self) -> bool {
        self.with(|open, _| open.is_stopping && open.is_endless)
    }

    /// Counts bytes written to the client.
    pub(super) fn on_write(&self, bytes: usize) {
        self.with(|open, now| {
            open.last_io = now;
            if open.phase == Phase::Responding {
                open.held = open.held.saturating_sub(bytes);
            }
        });
    }

    /// All buffered bytes are written.
    pub(super) fn on_flush(&self) {
        self.with(|open, now| {
            if open.phase == Phase::Responding {
                open.held = 0;
                if !open.is_streaming {
                    open.enter(Phase::Idle, now);
                }
            }
        });
    }

    /// When the connection is closed if the client does nothing until then. `None` while the server
    /// is working.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let limits = self.connections.limits;
        self.with(|open, _| match open.phase {
            Phase::Idle => open.since.checked_add(limits.keep_alive),
            Phase::Head => open.since.checked_add(limits.read),
            Phase::Handling | Phase::Responding => None,
        })
    }

    /// Ends other connections while all together hold too much memory, the one that has been idle
    /// for the longest time first.
    fn limit_memory(&self) {
        let mut open = self.connections.open.lock();
        while open.iter().map(|(_, open)| open.held).sum::<usize>() > MAX_HELD {
            let others = open.iter_mut().filter(|(key, _)| *key != self.key);
            let holding = others.filter(|(_, other)| other.held > 0 && other.task.is_some());
            match holding.min_by_key(|(_, other)| other.last_io) {
                Some((_, other)) => other.end(),
                // This response alone is too large.
                None => return,
            }
        }
    }

    #[allow(
        clippy::indexing_slicing,
        reason = "the key is valid until the guard is dropped"
    )]
    fn with<T>(&self, change: impl FnOnce(&mut AdminConnection, Instant) -> T) -> T {
        let mut open = self.connections.open.lock();
        change(&mut open[self.key], Instant::now())
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.connections.open.lock().remove(self.key);
        self.connections.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const ALICE: User = Some(1);
    const BOB: User = Some(2);
    const CAROL: User = Some(3);

    /// Opens an idle connection as the accept loop does.
    async fn open(connections: &Arc<Connections>, user: User) {
        connections.make_room(user).await;
        let guard = Arc::new(connections.register(user));
        let held = Arc::clone(&guard);
        let serving = tokio::spawn(async move {
            let _guard = held;
            pending::<()>().await;
        });
        guard.set_task(serving.abort_handle());
    }

    fn connections(limit: usize) -> Arc<Connections> {
        let limits = Limits {
            connections: limit,
            ..Limits::default()
        };
        Arc::new(Connections::new(limits))
    }

    #[test]
    fn a_connection_is_not_idle_while_its_response_is_streamed() {
        let guard = connections(1).register(ALICE);
        guard.on_request();
        guard.on_response(0);
        guard.on_stream(false);
        guard.on_write(5);
        guard.on_flush();
        assert_eq!(guard.phase(), Phase::Responding);
        assert_eq!(guard.deadline(), None);
        guard.on_stream_end();
        guard.on_flush();
        assert_eq!(guard.phase(), Phase::Idle);
    }

    fn counts(connections: &Connections) -> [usize; 3] {
        let open = connections.open.lock();
        [ALICE, BOB, CAROL].map(|user| open.iter().filter(|(_, open)| open.user == user).count())
    }

    #[tokio::test]
    async fn a_user_has_half_of_the_connections_at_most_even_if_alone() {
        for (limit, share) in [(1, 1), (2, 1), (5, 3), (128, 64)] {
            let all = connections(limit);
            for _ in 0..2 * limit {
                open(&all, ALICE).await;
                assert!(counts(&all)[0] <= share, "{limit}");
            }
            assert_eq!(counts(&all), [share, 0, 0], "{limit}");
        }
    }

    #[tokio::test]
    async fn at_the_limit_of_all_the_user_with_the_most_makes_room() {
        let all = connections(5);
        for user in [BOB, ALICE, ALICE, ALICE, BOB] {
            open(&all, user).await;
        }
        assert_eq!(counts(&all), [3, 2, 0]);
        open(&all, CAROL).await;
        assert_eq!(counts(&all), [2, 2, 1]);
    }

    #[tokio::test]
    async fn a_user_at_its_share_makes_room_for_itself_and_not_at_the_cost_of_others() {
        let all = connections(5);
        for user in [BOB, BOB, ALICE, ALICE, ALICE, ALICE] {
            open(&all, user).await;
        }
        assert_eq!(counts(&all), [3, 2, 0]);
    }
}

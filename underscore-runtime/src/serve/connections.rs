//! All open connections, and the choice of the one to close when there are too many or they hold
//! too much memory. A new connection is always accepted, because it may be the one that an incident
//! needs. It replaces one of its own user if that user has its share, or else one of the user that
//! has the most.

use std::collections::HashMap;
use std::time::Duration;

use slab::Slab;
use tokio::task::{AbortHandle, yield_now};
use tokio::time::{Instant, timeout};

use super::limits::{Limits, MOST_HELD, UNDISTURBED};
use crate::admin::LARGEST_BODY;
use crate::sync::{Arc, Mutex, Notify};

/// How long it is waited before it is tried again to make room.
const RETRY: Duration = Duration::from_millis(10);

/// How often it is tried to make room until a request is not safe any more, besides its time.
const LOOKS: u32 = 5;

/// Who connected, if the kernel says so.
pub(super) type User = Option<u32>;

/// All connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    limits: Limits,
    open: Mutex<Slab<Open>>,
    /// Told whenever one has ended.
    ended: Notify,
}

/// What is known of a connection.
#[derive(Debug)]
struct Open {
    user: User,
    phase: Phase,
    /// When the phase began.
    since: Instant,
    /// When the last byte came or went.
    moved: Instant,
    /// How often a newcomer looked at it in this phase.
    looks: u32,
    /// Bytes of the body that came, and of the answer that are not gone yet.
    held: usize,
    /// To end it; nothing once that is done.
    task: Option<AbortHandle>,
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of a request has come.
    Idle,
    /// A part of a request's head has.
    Head,
    /// A request is being answered.
    Exchange,
    /// The answer is made, and on its way to the client.
    Answer,
}

/// A connection's place among the others, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
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

    /// A place for a new connection of `user`, even if there are too many.
    pub(super) fn enter(self: &Arc<Self>, user: User) -> Place {
        let now = Instant::now();
        let key = self.open.lock().insert(Open {
            user,
            phase: Phase::Idle,
            since: now,
            moved: now,
            looks: 0,
            held: 0,
            task: None,
        });
        Place {
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
            let pays = |open: &Open| match beyond_share {
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

    /// Waits until the last one has ended.
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

impl Open {
    fn enter(&mut self, phase: Phase, now: Instant) {
        if self.phase != phase {
            self.phase = phase;
            self.since = now;
            self.looks = 0;
        }
    }

    fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Exchange | Phase::Answer)
    }

    fn is_expendable(&mut self, now: Instant) -> bool {
        self.looks = self.looks.saturating_add(1);
        // Time alone does not count: this thread itself may have stood still, and the request with it.
        let had_its_time = self.looks > LOOKS && now.duration_since(self.since) >= UNDISTURBED;
        self.task.is_some() && (!self.is_busy() || had_its_time)
    }

    fn end(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            self.held = 0;
        }
    }
}

impl Place {
    /// Says what to end when this connection must make room.
    pub(super) fn is_served_by(&self, task: AbortHandle) {
        self.with(|open, _| open.task = Some(task));
    }

    pub(super) fn phase(&self) -> Phase {
        self.with(|open, _| open.phase)
    }

    /// The client sent so many bytes.
    pub(super) fn read(&self, bytes: usize) {
        let holds = self.with(|open, now| {
            open.moved = now;
            if open.phase == Phase::Idle {
                open.enter(Phase::Head, now);
            }
            // Of a head, that is bounded by the largest one.
            let holds = open.is_busy();
            if holds {
                // No body is kept beyond that, however much of it is read.
                open.held = open.held.saturating_add(bytes).min(LARGEST_BODY);
            }
            holds
        });
        if holds {
            self.bound();
        }
    }

    /// A request is there, all but its body.
    pub(super) fn began(&self) {
        self.with(|open, now| open.enter(Phase::Exchange, now));
    }

    /// An answer with a body of so many bytes is made.
    pub(super) fn answered(&self, bytes: usize) {
        self.with(|open, now| {
            open.enter(Phase::Answer, now);
            open.moved = now;
            open.held = bytes;
        });
        self.bound();
    }

    /// The client was sent so many bytes.
    pub(super) fn wrote(&self, bytes: usize) {
        self.with(|open, now| {
            open.moved = now;
            if open.phase == Phase::Answer {
                open.held = open.held.saturating_sub(bytes);
            }
        });
    }

    /// Nothing is left that could be sent.
    pub(super) fn flushed(&self) {
        self.with(|open, now| {
            if open.phase == Phase::Answer {
                open.held = 0;
                open.enter(Phase::Idle, now);
            }
        });
    }

    /// When the client has taken too long, if it does not do something until then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let limits = self.connections.limits;
        self.with(|open, _| match open.phase {
            Phase::Idle => open.since.checked_add(limits.keep_alive),
            Phase::Head => open.since.checked_add(limits.read),
            Phase::Exchange | Phase::Answer => None,
        })
    }

    /// Ends others as long as all hold too much together: first whoever has not moved for the longest time.
    fn bound(&self) {
        let mut open = self.connections.open.lock();
        while open.iter().map(|(_, open)| open.held).sum::<usize>() > MOST_HELD {
            let others = open.iter_mut().filter(|(key, _)| *key != self.key);
            let holding = others.filter(|(_, other)| other.held > 0 && other.task.is_some());
            match holding.min_by_key(|(_, other)| other.moved) {
                Some((_, other)) => other.end(),
                // It is this one answer that is large.
                None => return,
            }
        }
    }

    #[allow(
        clippy::indexing_slicing,
        reason = "the key is this one's until it is dropped"
    )]
    fn with<T>(&self, change: impl FnOnce(&mut Open, Instant) -> T) -> T {
        let mut open = self.connections.open.lock();
        change(&mut open[self.key], Instant::now())
    }
}

impl Drop for Place {
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
        let place = Arc::new(connections.enter(user));
        let served = Arc::clone(&place);
        let serving = tokio::spawn(async move {
            let _place = served;
            pending::<()>().await;
        });
        place.is_served_by(serving.abort_handle());
    }

    fn connections(limit: usize) -> Arc<Connections> {
        let limits = Limits {
            connections: limit,
            ..Limits::default()
        };
        Arc::new(Connections::new(limits))
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

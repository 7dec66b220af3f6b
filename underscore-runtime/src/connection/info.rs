//! The state of one connection. Its stream and its tasks write atomic numbers and flags, and tables
//! read them, without a lock.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{AtomicInstant, Instant};
use crate::truncate;

/// Maximum length of a displayed address, in bytes.
const MAX_ADDRESS: usize = 128;

/// The recorded data of a connection.
#[derive(Debug)]
pub(crate) struct ConnectionInfo {
    id: u64,
    remote: Box<str>,
    local: Box<str>,
    accepted: Instant,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    last_io: AtomicInstant,
    is_http2: AtomicBool,
    /// Number of requests so far: tracked tasks on HTTP/1, streams on HTTP/2.
    requests: AtomicU64,
    /// Number of requests with an incomplete response: tasks on HTTP/1, streams on HTTP/2.
    active: AtomicU32,
    /// True if bytes were read for which no task has begun yet.
    has_unread_head: AtomicBool,
    /// True if a task has ended and its response is not written yet.
    owes_response: AtomicBool,
    /// True while a write is pending or incomplete, because the client does not read.
    is_writing: AtomicBool,
    /// True if a response was written to a request without a task.
    is_untracked: AtomicBool,
    is_upgraded: AtomicBool,
    is_closed: AtomicBool,
}

/// The state of a connection, derived from what was read and written and from its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ConnectionState {
    /// No byte was read.
    New,
    /// Bytes were read, and no task has begun for them.
    Head,
    /// The response to a request is not complete.
    Active,
    /// Every request is answered.
    Idle,
    /// A response has switched protocols, for example to a websocket.
    Upgraded,
    /// The last response was to a request that neither a layer nor an attribute tracks.
    Untracked,
    /// Closed by an operator, and not yet dropped by its owner.
    Closing,
}

impl ConnectionState {
    /// The word on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            ConnectionState::New => "new",
            ConnectionState::Head => "head",
            ConnectionState::Active => "active",
            ConnectionState::Idle => "idle",
            ConnectionState::Upgraded => "upgraded",
            ConnectionState::Untracked => "untracked",
            ConnectionState::Closing => "closing",
        }
    }
}

impl ConnectionInfo {
    pub(super) fn new(remote: &dyn fmt::Debug, local: Option<&dyn fmt::Debug>) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let text = |address: &dyn fmt::Debug| {
            truncate::to_bytes(&format!("{address:?}"), MAX_ADDRESS).into()
        };
        ConnectionInfo {
            // Relaxed: ids must be distinct, and order nothing else.
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            remote: text(remote),
            local: local.map_or_else(|| "-".into(), text),
            accepted: Instant::now(),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            last_io: AtomicInstant::never(),
            is_http2: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            active: AtomicU32::new(0),
            has_unread_head: AtomicBool::new(false),
            owes_response: AtomicBool::new(false),
            is_writing: AtomicBool::new(false),
            is_untracked: AtomicBool::new(false),
            is_upgraded: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }
    }

    /// The id, unique in this process.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn remote(&self) -> &str {
        &self.remote
    }

    pub(crate) fn local(&self) -> &str {
        &self.local
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.since(self.accepted)
    }

    pub(crate) fn bytes_in(&self) -> u64 {
        // Acquire: pairs with the store in `add`, for `state`.
        self.bytes_in.load(Ordering::Acquire)
    }

    pub(crate) fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }

    /// Time since the last byte was read or written, with the precision of the coarse clock.
    pub(crate) fn idle_for(&self, now: Instant) -> Duration {
        now.since(self.last_io.get().unwrap_or(self.accepted))
    }

    /// Number of tracked requests so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Number of tracked requests with an incomplete response.
    pub(crate) fn active(&self) -> u32 {
        // Acquire: pairs with the writes of `active`, for `state`.
        self.active.load(Ordering::Acquire)
    }

    pub(crate) fn is_http2(&self) -> bool {
        is(&self.is_http2)
    }

    /// The state, which is loaded in the order in which a request passes through the flags. Writers
    /// set the next flag before they clear the previous one, so no request is between two of them.
    pub(crate) fn state(&self) -> ConnectionState {
        let is_new = self.bytes_in() == 0;
        let has_unread_head = is(&self.has_unread_head);
        if is(&self.is_closed) {
            ConnectionState::Closing
        } else if is(&self.is_upgraded) {
            ConnectionState::Upgraded
        } else if is_new {
            ConnectionState::New
        } else if self.active() > 0 || is(&self.owes_response) || is(&self.is_writing) {
            ConnectionState::Active
        } else if has_unread_head {
            ConnectionState::Head
        } else if is(&self.is_untracked) {
            ConnectionState::Untracked
        } else {
            ConnectionState::Idle
        }
    }

    /// Records bytes that the client sent.
    pub(super) fn record_read(&self, bytes: usize) {
        if self.active() == 0 && !self.is_http2() {
            set(&self.has_unread_head, true);
        }
        add(&self.bytes_in, bytes);
        self.last_io.set_coarse();
    }

    /// Records bytes that were written.
    pub(super) fn record_written(&self, bytes: usize) {
        add(&self.bytes_out, bytes);
        self.last_io.set_coarse();
        if is(&self.owes_response) {
            // Unread bytes are the rest of its request's body, or of the next request.
            set(&self.owes_response, false);
        } else if is(&self.has_unread_head) && self.active() == 0 {
            set(&self.is_untracked, true);
            set(&self.has_unread_head, false);
        }
    }

    /// Records a write that is pending, or that has written a part.
    pub(super) fn set_writing(&self, is_writing: bool) {
        set(&self.is_writing, is_writing);
    }

    /// Records that the connection uses HTTP/2. From then on, streams are counted, not tasks.
    pub(super) fn set_http2(&self) {
        set(&self.is_http2, true);
        set(&self.has_unread_head, false);
        // A server may write its settings while it reads the preface.
        set(&self.is_untracked, false);
    }

    pub(super) fn set_streams(&self, open: usize, opened: u64) {
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        self.active.store(open, Ordering::Release);
        self.requests.store(opened, Ordering::Relaxed);
    }

    pub(super) fn set_closed(&self) {
        set(&self.is_closed, true);
    }

    /// Records that an HTTP/1 request has become a task. Must be called in the connection's tokio
    /// task.
    pub(crate) fn begin_task(&self) {
        if !self.is_http2() {
            add(&self.requests, 1);
            self.active.fetch_add(1, Ordering::Release);
            set(&self.has_unread_head, false);
            set(&self.is_untracked, false);
        }
    }

    /// Records that such a task has ended. May be called on any thread.
    pub(crate) fn end_task(&self) {
        if !self.is_http2() {
            set(&self.owes_response, true);
            set(&self.has_unread_head, false);
            self.active.fetch_sub(1, Ordering::Release);
        }
    }

    /// Records a response that switches protocols.
    pub(crate) fn set_upgraded(&self) {
        if !self.is_http2() {
            set(&self.is_upgraded, true);
        }
    }
}

fn is(flag: &AtomicBool) -> bool {
    // Acquire: pairs with the store in `set`, for `state`.
    flag.load(Ordering::Acquire)
}

fn set(flag: &AtomicBool, value: bool) {
    flag.store(value, Ordering::Release);
}

/// Adds to a counter that has one writer.
fn add(count: &AtomicU64, more: usize) {
    let more = u64::try_from(more).unwrap_or(u64::MAX);
    let sum = count.load(Ordering::Relaxed).saturating_add(more);
    count.store(sum, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> ConnectionInfo {
        ConnectionInfo::new(&"remote", None)
    }

    #[test]
    fn the_state_follows_a_request_of_http_1() {
        let connection = connection();
        assert_eq!(connection.state(), ConnectionState::New);
        connection.record_read(10);
        assert_eq!(connection.state(), ConnectionState::Head);
        connection.begin_task();
        assert_eq!(connection.state(), ConnectionState::Active);
        connection.record_read(10);
        connection.end_task();
        assert_eq!(
            connection.state(),
            ConnectionState::Active,
            "it is not written"
        );
        connection.record_written(100);
        assert_eq!(connection.state(), ConnectionState::Idle);
        connection.record_read(1);
        assert_eq!(connection.state(), ConnectionState::Head);
        assert_eq!(connection.requests(), 1);
        assert_eq!((connection.bytes_in(), connection.bytes_out()), (21, 100));
    }

    #[test]
    fn a_connection_is_active_while_its_client_does_not_read() {
        let connection = connection();
        connection.record_read(10);
        connection.begin_task();
        connection.end_task();
        connection.record_written(10);
        connection.set_writing(true);
        assert_eq!(connection.state(), ConnectionState::Active);
        connection.set_writing(false);
        assert_eq!(connection.state(), ConnectionState::Idle);
    }

    #[test]
    fn a_response_to_an_untracked_request_is_not_taken_for_its_end() {
        let connection = connection();
        connection.record_read(10);
        connection.record_written(10);
        assert_eq!(connection.state(), ConnectionState::Untracked);
        connection.record_read(10);
        connection.begin_task();
        connection.end_task();
        connection.record_written(10);
        assert_eq!(connection.state(), ConnectionState::Idle);
    }

    #[test]
    fn a_body_that_its_handler_does_not_read_makes_no_untracked_request() {
        let connection = connection();
        connection.record_read(10);
        connection.begin_task();
        connection.end_task();
        connection.record_read(10);
        assert_eq!(connection.state(), ConnectionState::Active);
        connection.record_written(10);
        assert_eq!(connection.state(), ConnectionState::Head);
    }

    #[test]
    fn a_server_may_write_while_it_reads_the_preface() {
        let connection = connection();
        connection.record_read(4);
        connection.record_written(27);
        connection.set_http2();
        connection.record_read(20);
        assert_eq!(connection.state(), ConnectionState::Idle);
    }

    #[test]
    fn on_http_2_the_streams_decide() {
        let connection = connection();
        connection.record_read(24);
        connection.set_http2();
        assert_eq!(connection.state(), ConnectionState::Idle);
        connection.set_streams(2, 2);
        connection.begin_task();
        assert_eq!((connection.active(), connection.requests()), (2, 2));
        assert_eq!(connection.state(), ConnectionState::Active);
        connection.set_streams(0, 2);
        assert_eq!(connection.state(), ConnectionState::Idle);
    }
}

//! Limits on clients: connections, time and memory.

use std::time::Duration;

/// Maximum size of a request head, in bytes. hyper may read up to twice as much if it arrives at
/// once. Path and query may take half of it.
pub(super) const MAX_HEAD: usize = 128 << 10;

/// Maximum memory of all connections together, in bytes: incomplete request bodies, and responses
/// that are not read yet.
pub(super) const MAX_HELD: usize = 64 << 20;

/// Minimum time for a request before its connection can be ended to make room, if all connections
/// have requests.
pub(super) const MIN_REQUEST_TIME: Duration = Duration::from_millis(100);

/// Minimum of each timeout. With less, a client could be late because the system has not scheduled
/// it yet.
pub(super) const MIN_TIMEOUT: Duration = Duration::from_millis(100);

/// The limits that the builder sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Maximum number of connections.
    pub(super) connections: usize,
    /// Time for the head of a request from its first byte on, and again for its body.
    pub(super) read: Duration,
    /// Time that a connection may be open without a request.
    pub(super) keep_alive: Duration,
}

impl Limits {
    /// Number of connections that one user may have at once: half of all, rounded up.
    pub(super) fn share_of_a_user(&self) -> usize {
        self.connections.div_ceil(2)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 128,
            read: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
        }
    }
}

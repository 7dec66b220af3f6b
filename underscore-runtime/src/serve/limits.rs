//! How much clients may take: connections, time and memory.

use std::time::Duration;

/// The largest head of a request; hyper may read up to twice as much when it comes at once. The path and the query
/// are half of it at the most.
pub(super) const LARGEST_HEAD: usize = 128 << 10;

/// What connections may hold together: bodies that are not complete, and answers that are not read yet.
pub(super) const MOST_HELD: usize = 64 << 20;

/// For how long a request is safe from newcomers when each connection has one.
pub(super) const UNDISTURBED: Duration = Duration::from_millis(100);

/// What one may choose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at once.
    pub(super) connections: usize,
    /// The time for a request's head from its first byte on, and again for its body.
    pub(super) read: Duration,
    /// How long a connection may be open without a request.
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

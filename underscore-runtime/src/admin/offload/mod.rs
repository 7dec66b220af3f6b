//! Runs reads and changes on a bounded pool of threads that the process shares, so that they block
//! neither the admin thread nor, behind `admin_router()`, a worker of the host.
//!
//! The pool has three lanes that do not wait for each other: changes, which run one at a time,
//! short reads and long reads. One client uses at most half of the threads for short or for long
//! reads.

mod lane;
mod queue;

use std::io;
use std::sync::Weak;
use std::time::Duration;

use super::cancellation::Cancellation;
use super::error::Error;
use crate::log;
use crate::sync::{Arc, Mutex};
use lane::{Lane, SubmitError};

pub(super) use queue::ClientId;

/// Maximum number of concurrent long reads, which also bounds their memory.
const LONG_READS: usize = 4;

/// Maximum number of concurrent short reads.
const SHORT_READS: usize = 2;

/// Maximum number of rows of a short read. Rendering them takes about 20 ms.
const SHORT_READ_ROWS: usize = 2_048;

/// The timeout of a read, counted from when a thread begins it.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The pool of this process, which exists while there is a server or a router.
static SHARED: Mutex<Weak<Pool>> = Mutex::new(Weak::new());

/// The threads of all lanes.
#[derive(Debug)]
pub(crate) struct Pool {
    changes: Lane,
    short: Lane,
    long: Lane,
    read_timeout: Duration,
}

/// A handle to the pool for the requests of one client.
#[derive(Clone, Debug)]
pub(super) struct Offload {
    pool: Arc<Pool>,
    client: ClientId,
}

impl Pool {
    /// The pool of this process. Its threads start with their first job, and end when the last
    /// reference is dropped.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock();
        shared.upgrade().unwrap_or_else(|| {
            let pool = Arc::new(Pool::new(READ_TIMEOUT));
            *shared = Arc::downgrade(&pool);
            pool
        })
    }

    fn new(read_timeout: Duration) -> Self {
        Pool {
            changes: Lane::new(1, 1),
            short: Lane::new(SHORT_READS, SHORT_READS / 2),
            long: Lane::new(LONG_READS, LONG_READS / 2),
            read_timeout,
        }
    }

    /// Starts a thread in each lane now, because the system may refuse one later.
    pub(crate) fn start(&self) -> io::Result<()> {
        let mut lanes = [&self.changes, &self.short, &self.long].into_iter();
        lanes.try_for_each(Lane::start)
    }
}

impl Offload {
    pub(super) fn new(pool: Arc<Pool>, client: ClientId) -> Self {
        Offload { pool, client }
    }

    /// Runs a read of about `rows` rows. The estimate runs in the lane of short reads, because it
    /// counts tasks. A read that turns out to be long moves to the lane of long reads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        cancellation: &Cancellation,
        rows: impl FnOnce() -> usize + Send + 'static,
        read: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (timeout, cancellation) = (self.pool.read_timeout, cancellation.clone());
        let read = move || {
            cancellation.start(timeout);
            let answer = read();
            if cancellation.is_past_deadline() {
                return Err(Error::read_too_long(timeout));
            }
            answer
        };
        let if_short = move || {
            if rows() <= SHORT_READ_ROWS {
                Ok(read())
            } else {
                Err(read)
            }
        };
        match self.pool.short.run(self.client, if_short).await? {
            Ok(answer) => answer,
            Err(read) => self.pool.long.run(self.client, read).await?,
        }
    }

    /// Runs a change, or a step of it. Once begun, it runs to its end even if the client has left.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let change = log::carried(change);
        Ok(self.pool.changes.run(self.client, change).await?)
    }
}

impl From<SubmitError> for Error {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::TooMany(waiting) => Error::too_many_waiting(waiting),
            SubmitError::NoThread(error) => Error::no_thread(&error),
        }
    }
}

#[cfg(test)]
mod tests;

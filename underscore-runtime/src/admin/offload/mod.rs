//! Runs looks and changes on a bounded pool of threads that the whole process shares, so that they
//! block neither the admin thread nor, behind `admin_router()`, a worker of the host.
//!
//! The pool has three lanes that do not wait for each other: changes, which are made one at a time;
//! short looks; and long looks. One client has at most half of the threads of either kind of look.

mod lane;
mod queue;

use std::io;
use std::sync::Weak;
use std::time::Duration;

use super::cancellation::Cancellation;
use super::error::Error;
use crate::log;
use crate::sync::{Arc, Mutex};
use lane::{Lane, Refused};

pub(super) use queue::Client;

/// The number of long looks at a time, which also bounds the memory that they take.
const LONG_LOOKS: usize = 4;

/// The number of short looks at a time.
const SHORT_LOOKS: usize = 2;

/// The most rows of a short look. Rendering them takes about 20 ms.
const SHORT: usize = 2_048;

/// The time after which a look is refused, from the moment that a thread begins it.
const LIMIT: Duration = Duration::from_secs(30);

/// The pool of this process, alive as long as there is a server or a router.
static SHARED: Mutex<Weak<Pool>> = Mutex::new(Weak::new());

/// The threads of all lanes.
#[derive(Debug)]
pub(crate) struct Pool {
    changes: Lane,
    short: Lane,
    long: Lane,
    limit: Duration,
}

/// A handle to the pool for the requests of one client.
#[derive(Clone, Debug)]
pub(super) struct Offload {
    pool: Arc<Pool>,
    client: Client,
}

impl Pool {
    /// The pool of this process. Its threads start with their first job, and end when the last
    /// reference is dropped.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock();
        shared.upgrade().unwrap_or_else(|| {
            let pool = Arc::new(Pool::new(LIMIT));
            *shared = Arc::downgrade(&pool);
            pool
        })
    }

    fn new(limit: Duration) -> Self {
        Pool {
            changes: Lane::new(1, 1),
            short: Lane::new(SHORT_LOOKS, SHORT_LOOKS / 2),
            long: Lane::new(LONG_LOOKS, LONG_LOOKS / 2),
            limit,
        }
    }

    /// Starts a thread in each lane now, for later the system may refuse one.
    pub(crate) fn start(&self) -> io::Result<()> {
        let mut lanes = [&self.changes, &self.short, &self.long].into_iter();
        lanes.try_for_each(Lane::start)
    }
}

impl Offload {
    pub(super) fn new(pool: Arc<Pool>, client: Client) -> Self {
        Offload { pool, client }
    }

    /// Runs a read-only request of about so many `rows`. The estimate is made on a thread for short
    /// looks, because it counts tasks; a look that turns out to be long moves on to the lane for
    /// those.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        cancellation: &Cancellation,
        rows: impl FnOnce() -> usize + Send + 'static,
        look: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (limit, cancellation) = (self.pool.limit, cancellation.clone());
        let look = move || {
            cancellation.start(limit);
            let seen = look();
            if cancellation.is_past_deadline() {
                return Err(Error::read_too_long(limit));
            }
            seen
        };
        let if_short = move || {
            if rows() <= SHORT {
                Ok(look())
            } else {
                Err(look)
            }
        };
        match self.pool.short.run(self.client, if_short).await? {
            Ok(seen) => seen,
            Err(look) => self.pool.long.run(self.client, look).await?,
        }
    }

    /// Runs a change, or a step of it. Once begun, it runs to its end, whether or not the client
    /// still waits.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let change = log::carried(change);
        Ok(self.pool.changes.run(self.client, change).await?)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooMany(waiting) => Error::too_many_waiting(waiting),
            Refused::NoThread(error) => Error::no_thread(&error),
        }
    }
}

#[cfg(test)]
mod tests;

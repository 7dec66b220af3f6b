//! Where looks and changes are carried out: on threads of this crate's own, a bounded number of them for the whole process.
//! Not on the admin thread, which has others to answer; nor, behind `admin_router()`, on workers of the host, which
//! have requests to serve.
//!
//! There are three lanes, so that none waits behind another: changes, which are made one after the other; short looks;
//! and long looks. Of the threads of looks, one client has half at most.

mod estimate;
mod lane;
mod queue;
mod watch;

use std::io;
use std::sync::Weak;
use std::time::Duration;

use super::error::Error;
use crate::log;
use crate::sync::{Arc, Mutex};
use lane::{Lane, Refused};

pub(super) use estimate::{everything, rows};
pub(super) use queue::Client;
pub(super) use watch::Watch;

/// How many long looks are made at a time. So the memory that they take is bounded, too.
const LONG_LOOKS: usize = 4;

/// How many short ones.
const SHORT_LOOKS: usize = 2;

/// The most rows of a short look: they take some 20 ms.
const SHORT: usize = 2_048;

/// How long a look may take on its thread.
const LIMIT: Duration = Duration::from_secs(30);

/// The threads of the process, as long as there is an admin API.
static SHARED: Mutex<Weak<Pool>> = Mutex::new(Weak::new());

/// The threads.
#[derive(Debug)]
pub(crate) struct Pool {
    changes: Lane,
    short: Lane,
    long: Lane,
    limit: Duration,
}

/// The threads as one client uses them.
#[derive(Clone, Debug)]
pub(super) struct Offload {
    pool: Arc<Pool>,
    client: Client,
}

impl Pool {
    /// The one of this process.
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

    /// Starts a thread in each lane: later there may be none to be had.
    pub(crate) fn start(&self) -> io::Result<()> {
        let mut lanes = [&self.changes, &self.short, &self.long].into_iter();
        lanes.try_for_each(Lane::start)
    }
}

impl Offload {
    pub(super) fn new(pool: Arc<Pool>, client: Client) -> Self {
        Offload { pool, client }
    }

    /// Looks. `rows` says how many rows the look has, at about; it is asked on a thread for short looks, for to count
    /// tasks takes time, too.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        watch: &Watch,
        rows: impl FnOnce() -> usize + Send + 'static,
        look: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (limit, watch) = (self.pool.limit, watch.clone());
        let look = move || {
            watch.begin(limit);
            let seen = look();
            if watch.is_cut_short() {
                return Err(Error::look_too_long(limit));
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

    /// Makes a change, or a part of it. Once begun, it is made to its end, whether the client waits or not.
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

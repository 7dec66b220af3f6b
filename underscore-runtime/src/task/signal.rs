//! The order to end a task early, from the admin side to the thread that polls it.
//!
//! The flag is what a poll looks at; the waker is how a waiting task learns of it. The poller leaves its
//! waker and then looks for an order, the operator leaves the order and then takes the waker, both
//! under one lock: whoever comes second sees what the first one left, so no order is lost. A task that
//! ends sets a flag in the same word, and takes the lock only if there is something to take.

use std::task::Waker;
use std::time::Duration;

use crate::stats::Outcome;
use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex, Notify, Weak, contained};
use crate::units;

/// There is an order to end.
const ORDERED: u8 = 1;
/// The poller left a waker.
const WAKER: u8 = 2;
/// The task has ended: nothing can be ordered any more.
const CLOSED: u8 = 4;

/// One task's end of the line.
#[derive(Debug)]
pub(crate) struct Signal {
    /// The flags above. `ORDERED` and `WAKER` are set with the lock held, each before what it announces
    /// is left; `CLOSED` without it.
    flags: AtomicU8,
    line: Mutex<Line>,
}

#[derive(Debug)]
struct Line {
    waker: Option<Waker>,
    /// Nearly no task is ever told to end: a pointer is all that they pay for it.
    orders: Option<Box<Orders>>,
}

#[derive(Debug)]
struct Orders {
    /// The one that stands.
    first: Order,
    /// Those who want to know when the task is gone, until they give up.
    waiting: Vec<Weak<Waiting>>,
}

impl Line {
    const fn new() -> Self {
        Line {
            waker: None,
            orders: None,
        }
    }
}

/// An order to end.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Why, for the client and the log.
    pub(crate) reason: Arc<str>,
    /// How the task ends by it: interrupted by an operator, or because its time was over.
    pub(crate) outcome: Outcome,
}

impl Order {
    /// What clients read where the operator gave no reason.
    pub(crate) const DEFAULT_REASON: &str = "interrupted by an operator";

    /// An operator's.
    pub(crate) fn interrupt(reason: &str) -> Self {
        Order {
            reason: reason.into(),
            outcome: Outcome::Interrupted,
        }
    }

    /// That of a route's timeout.
    pub(crate) fn expired(timeout: Duration) -> Self {
        let timeout = units::human(timeout);
        let reason = format!("not done within the route's timeout of {timeout}");
        Order {
            reason: reason.as_str().into(),
            outcome: Outcome::Expired,
        }
    }
}

/// Counts tasks down to the last one that ends.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    left: AtomicUsize,
    done: Notify,
}

impl Signal {
    pub(crate) fn new() -> Self {
        Signal {
            flags: AtomicU8::new(0),
            line: Mutex::new(Line::new()),
        }
    }

    /// Whether the task was told to end.
    ///
    /// Relaxed: a task that misses an order by a moment is woken for it, and the order itself is read
    /// under the lock.
    #[inline]
    pub(crate) fn is_ordered(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & ORDERED != 0
    }

    /// The order to end, if there is one.
    pub(crate) fn order(&self) -> Option<Order> {
        let line = self.line.lock();
        line.orders.as_ref().map(|orders| orders.first.clone())
    }

    /// Leaves the waker with which an order reaches the waiting task, and says whether one came
    /// meanwhile.
    pub(crate) fn leave_waker(&self, waker: &Waker) -> bool {
        // To copy, to wake and to drop a waker is the executor's code: not under our lock.
        let waker = waker.clone();
        let mut line = self.line.lock();
        // Relaxed: the only reader that acts on it is `close`, on the thread that polls.
        self.flags.fetch_or(WAKER, Ordering::Relaxed);
        let old = line.waker.replace(waker);
        let ordered = line.orders.is_some();
        drop(line);
        if let Some(old) = old {
            contained(|| drop(old));
        }
        ordered
    }

    /// Orders the task to end, and counts it in `waiting` until it is gone. `false` if it has ended.
    ///
    /// The first order stands; a later one only waits for the same end.
    pub(crate) fn order_end(&self, order: Order, waiting: &Arc<Waiting>) -> bool {
        let mut line = self.line.lock();
        // Whichever comes first, this or the step in `close`, is seen by the other: either the task is
        // closed to this order, or its end sees `ORDERED` and takes the lock after us.
        //
        // Acquire: pairs with `close`, so that who is refused sees how the task ended. Not Release: all
        // that is left for the end lies under the lock.
        if self.flags.fetch_or(ORDERED, Ordering::Acquire) & CLOSED != 0 {
            return false;
        }
        waiting.add();
        let orders = line.orders.get_or_insert_with(|| {
            Box::new(Orders {
                first: order,
                waiting: Vec::new(),
            })
        });
        // A task that is stuck may be told many times, by people who have long given up.
        orders.waiting.retain(|waiting| waiting.strong_count() > 0);
        orders.waiting.push(Arc::downgrade(waiting));
        // Woken once, it ends at its next poll: nobody needs the waker after that.
        let waker = line.waker.take();
        drop(line);
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
        true
    }

    /// The task has ended: lets go of its waker and tells those who wait.
    #[inline]
    pub(crate) fn close(&self) {
        // Release: see `order_end`. Not Acquire: what the flags announce is read under the lock.
        if self.flags.fetch_or(CLOSED, Ordering::Release) != 0 {
            self.clear();
        }
    }

    fn clear(&self) {
        let mut line = self.line.lock();
        let waker = line.waker.take();
        let orders = line.orders.take();
        drop(line);
        let waiting = orders.into_iter().flat_map(|orders| orders.waiting);
        for waiting in waiting.filter_map(|waiting| waiting.upgrade()) {
            contained(|| waiting.one_less());
        }
        if let Some(waker) = waker {
            contained(|| drop(waker));
        }
    }
}

impl Waiting {
    fn add(&self) {
        // Relaxed: counted up before the order is given, under the task's lock, which the matching
        // `one_less` takes too.
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    fn one_less(&self) {
        // Release: who sees zero sees the outcomes that were written before each step down, for each
        // step hands on the ones before it. Not Acquire: the last one calls, and reads nothing of theirs.
        if self.left.fetch_sub(1, Ordering::Release) == 1 {
            self.done.notify_one();
        }
    }

    /// Waits until every counted task has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: it may be called again.
    pub(crate) async fn all_ended(&self) {
        // One waiter only, so a permit left by `notify_one` before we wait is not lost; it may be an
        // old one, from a moment when the count was zero for a while, hence the loop.
        //
        // Acquire: pairs with `one_less`.
        while self.left.load(Ordering::Acquire) > 0 {
            self.done.notified().await;
        }
    }
}

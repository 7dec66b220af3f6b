//! Who plays in the models: the worker that runs a task, the operator that ends it, and loom, which has
//! them play on every interleaving.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::Poll;

use axum::http::StatusCode;
use loom::model::Builder;

use crate::executor::block_on;
use crate::guard::Guard;
use crate::stats::Outcome;
use crate::sync::Arc;
use crate::task::{Kind, Ledger, Order, Task, TaskId, Waiting};
use crate::tracked::{Step, Tracked};

/// How often a thread that could go on is put aside in one run, where two threads play. Without a bound
/// these models take five times as long, and go no other way.
pub(crate) const TWO_THREADS: usize = 5;

/// The same where three threads play: with one more it takes ten times as long.
pub(crate) const THREE_THREADS: usize = 2;

/// Plays `story` on every interleaving with so many preemptions, and gives back the ways it went: a model
/// in which the race never took place would prove nothing.
pub(crate) fn every_interleaving<T>(
    preemptions: usize,
    story: impl Fn() -> T + Send + Sync + 'static,
) -> Vec<T>
where
    T: PartialEq + Send + 'static,
{
    let ways = std::sync::Arc::new(Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&ways);
    let mut model = Builder::new();
    // The variable of loom's stands above it.
    model.preemption_bound.get_or_insert(preemptions);
    model.check(move || {
        let way = story();
        let mut seen = seen.lock().expect("not poisoned");
        if !seen.contains(&way) {
            seen.push(way);
        }
    });
    let mut ways = ways.lock().expect("not poisoned");
    std::mem::take(&mut *ways)
}

/// A book with nothing in it.
pub(crate) fn ledger() -> Arc<Ledger> {
    Arc::new(Ledger::new())
}

/// Enters a task with this number.
pub(crate) fn begin(ledger: &Arc<Ledger>, number: u64) -> Guard {
    Guard::enter(Kind {
        id: TaskId(number),
        ledger: Arc::clone(ledger),
    })
}

/// Runs a task to its end, and says which end that was.
pub(crate) fn work(guard: Guard, future: impl Future<Output = ()>) -> Outcome {
    end(block_on(Tracked::new(guard, future)))
}

/// Ends a task as a call of a handler does.
pub(crate) fn end(step: Step<()>) -> Outcome {
    match step {
        Step::Done((), guard) => complete(guard),
        Step::Interrupted(guard) => {
            guard.end_with(Outcome::Interrupted, StatusCode::SERVICE_UNAVAILABLE);
            Outcome::Interrupted
        }
    }
}

/// Ends a task that has its answer.
pub(crate) fn complete(guard: Guard) -> Outcome {
    guard.end_with(Outcome::Completed, StatusCode::OK);
    Outcome::Completed
}

/// Waits once, for a wake that has come already.
pub(crate) async fn pause() {
    let mut waited = false;
    poll_fn(|cx| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What an operator reports of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// It had not ended when the order came.
    pub(crate) told: bool,
    /// How it ended; nothing if it seems to go on.
    pub(crate) outcome: Option<Outcome>,
}

/// Ends tasks and reports, as `admin::ending` does, with all the patience there is.
pub(crate) fn interrupt<const N: usize>(tasks: [&Task; N], reason: &str) -> [Report; N] {
    let waiting = Arc::new(Waiting::default());
    // Kept to the end: to drop the last of an `Arc` is to see more than the signal hands over.
    let order = order(reason);
    let told = tasks.map(|task| task.signal.order_end(order.clone(), &waiting));
    block_on(waiting.all_ended());
    let mut told = told.into_iter();
    tasks.map(|task| Report {
        told: told.next() == Some(true),
        outcome: task.outcome(),
    })
}

pub(crate) fn order(reason: &str) -> Order {
    Order::interrupt(reason)
}

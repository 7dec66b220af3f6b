//! The roles of the models: a worker that runs a task, an operator that interrupts it, and loom,
//! which runs both on every interleaving.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use axum::http::{StatusCode, Version};
use loom::model::Builder;

use crate::clock;
use crate::executor::block_on;
use crate::guard::Guard;
use crate::routes::route;
use crate::stats::Outcome;
use crate::sync::Arc;
use crate::task::{Interrupt, NewTask, TaskRef, WaitGroup, for_each_live};
use crate::tracked::{StageEnd, Tracked};

/// Maximum number of preemptions per run with two threads. With one more, the models find no other
/// result and take several times as long.
pub(crate) const TWO_THREADS: usize = 3;

/// The same if one of them reads many fields, each of which may be stale.
pub(crate) const MANY_READS: usize = 2;

/// The same for three threads.
pub(crate) const THREE_THREADS: usize = 2;

/// The second in which every model begins.
pub(crate) const BEGIN: u64 = 1_000;

/// Runs `story` on every interleaving with at most this number of preemptions, and returns its
/// distinct results. The caller checks them, because a model without the race proves nothing.
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
    // loom's environment variable takes precedence.
    model.preemption_bound.get_or_insert(preemptions);
    // Operators poll.
    model.max_branches = 10_000;
    model.check(move || {
        clock::set(BEGIN);
        let way = story();
        let mut seen = seen.lock().expect("not poisoned");
        if !seen.contains(&way) {
            seen.push(way);
        }
    });
    let mut ways = ways.lock().expect("not poisoned");
    std::mem::take(&mut *ways)
}

/// Runs a worker and an operator concurrently. In the first run the worker runs first, to its end.
///
/// loom detects a race between a step and the previous step on the same atomic. A store does not
/// race with a load of another thread if its own thread has loaded since, as a poller that ends a
/// task has; but a load always races with the last store. So a thread that only reads must run last
/// in the first run: loom then moves its loads before the stores. With three threads, spawn it
/// last.
pub(crate) fn at_once<T, U: 'static>(
    worker: impl FnOnce() -> T,
    operator: impl FnOnce() -> U + 'static,
) -> (T, U) {
    let operator = loom::thread::spawn(operator);
    let done = worker();
    (done, operator.join().expect("the operator is done"))
}

/// Begins a task.
pub(crate) fn begin() -> Guard {
    Guard::new(NewTask::request(route(), Version::HTTP_11).begin())
}

/// The live tasks, as listed for an operator.
pub(crate) fn listed() -> Vec<TaskRef> {
    let mut tasks = Vec::new();
    for_each_live(|task| tasks.push(task));
    tasks
}

/// Begins a task and lists it.
pub(crate) fn begin_and_find() -> (Guard, TaskRef) {
    let guard = begin();
    let id = guard.task().id();
    let found = listed().into_iter().find(|task| task.id.number() == id);
    (guard, found.expect("it is alive"))
}

/// Runs a task to its end and returns its outcome.
pub(crate) fn work(guard: Guard, future: impl Future<Output = ()>) -> Outcome {
    end(block_on(Tracked::new(guard, future)))
}

/// Ends a task as the call of a handler does.
pub(crate) fn end(step: StageEnd<()>) -> Outcome {
    match step {
        StageEnd::Done((), guard) => complete(guard),
        StageEnd::Interrupted(guard) => {
            let outcome = guard.interrupt_outcome();
            guard.end_with(outcome, StatusCode::SERVICE_UNAVAILABLE);
            outcome
        }
        StageEnd::Unguarded(()) => unreachable!("it has the guard of its task"),
    }
}

/// Ends a task that has its response.
pub(crate) fn complete(guard: Guard) -> Outcome {
    guard.complete(StatusCode::OK);
    Outcome::Completed
}

/// Returns `Pending` once, after a wake.
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

/// The operator's report of a task that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// True if the task was alive when it was interrupted.
    pub(crate) was_alive: bool,
    /// Its outcome, `None` if it ended before it saw the interrupt.
    pub(crate) ending: Option<Outcome>,
}

impl Report {
    /// Distinguishes interrupted from finished, like `admin::interrupt`.
    pub(crate) fn is_interrupted(self) -> bool {
        self.ending == Some(Outcome::Interrupted)
    }
}

/// Interrupts tasks and reports, like `admin::interrupt` without a timeout.
pub(crate) fn interrupt<const N: usize>(tasks: [TaskRef; N], reason: &str) -> [Report; N] {
    interrupt_and(tasks, reason, |waiting| {
        // A task that ends concurrently with its interrupt does not notify the operator.
        while !is_done(waiting) && !tasks.iter().all(TaskRef::is_gone) {
            loom::thread::yield_now();
        }
    })
}

/// The same for tasks that wait, and therefore notify. Without polling, three threads are feasible.
pub(crate) fn interrupt_waiting<const N: usize>(tasks: [TaskRef; N], reason: &str) -> [Report; N] {
    interrupt_and(tasks, reason, |waiting| block_on(waiting.wait()))
}

fn interrupt_and<const N: usize>(
    tasks: [TaskRef; N],
    reason: &str,
    wait: impl FnOnce(&WaitGroup),
) -> [Report; N] {
    let waiting = Arc::new(WaitGroup::default());
    // Dropped at the end only: dropping the last `Arc` would synchronize with more than the
    // interrupt.
    let interrupt = Interrupt::by_operator(reason);
    let endings = tasks.map(|task| task.interrupt(interrupt.clone(), &waiting));
    wait(&waiting);
    assert!(tasks.iter().all(TaskRef::is_gone), "blocked in a poll");
    endings.map(|ending| Report {
        was_alive: ending.is_some(),
        ending: ending.as_ref().and_then(|ending| ending.outcome()),
    })
}

/// True if all tasks have ended, without waiting.
fn is_done(waiting: &WaitGroup) -> bool {
    let mut nobody = Context::from_waker(Waker::noop());
    pin!(waiting.wait()).poll(&mut nobody).is_ready()
}

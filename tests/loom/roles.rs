//! Who plays in the models: the worker that runs a task, the operator that ends it, and loom, which
//! has them play on every interleaving.

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

/// How often a thread that could go on is put aside in one run, where two threads play. With one
/// more, and below, the models go no other way and take several times as long.
pub(crate) const TWO_THREADS: usize = 3;

/// The same where one of them reads many fields, each of which it may find old.
pub(crate) const MANY_READS: usize = 2;

/// The same where three threads play.
pub(crate) const THREE_THREADS: usize = 2;

/// The second in which each model begins.
pub(crate) const BEGIN: u64 = 1_000;

/// Plays `story` on every interleaving with so many preemptions, and gives back the ways it went: a
/// model in which the race never took place would prove nothing.
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
    // Operators look again and again.
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

/// Has a worker and an operator play at the same time. In the first run the worker goes first, and
/// to its end.
///
/// loom looks for races between a step and the last one at the same atomic. A store is no race with
/// a load of another thread if its own thread has loaded since, as the poller has that ends a task;
/// but a load is always one with the last store. So who only looks has to come when all is done: it
/// reads of that what an ordering allows, and is put before it. Where three play, that is the one
/// that was spawned last.
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

/// The live tasks, as an operator finds them.
pub(crate) fn listed() -> Vec<TaskRef> {
    let mut tasks = Vec::new();
    for_each_live(|task| tasks.push(task));
    tasks
}

/// Begins a task, and finds it as an operator does.
pub(crate) fn begin_and_find() -> (Guard, TaskRef) {
    let guard = begin();
    let id = guard.task().id();
    let found = listed().into_iter().find(|task| task.id.number() == id);
    (guard, found.expect("it lives"))
}

/// Runs a task to its end, and says which end that was.
pub(crate) fn work(guard: Guard, future: impl Future<Output = ()>) -> Outcome {
    end(block_on(Tracked::new(guard, future)))
}

/// Ends a task as a call of a handler does.
pub(crate) fn end(step: StageEnd<()>) -> Outcome {
    match step {
        StageEnd::Done((), guard) => complete(guard),
        StageEnd::Interrupted(guard) => {
            let outcome = guard.interrupt_outcome();
            guard.end_with(outcome, StatusCode::SERVICE_UNAVAILABLE);
            outcome
        }
    }
}

/// Ends a task that has its answer.
pub(crate) fn complete(guard: Guard) -> Outcome {
    guard.complete(StatusCode::OK);
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

/// What an operator reports of a task that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// It had not ended when the interrupt came, as far as the operator saw.
    pub(crate) told: bool,
    /// How it ended, if it had seen the interrupt by then.
    pub(crate) ending: Option<Outcome>,
}

impl Report {
    /// As `admin::ending` says it: interrupted, or finished first.
    pub(crate) fn is_interrupted(self) -> bool {
        self.ending == Some(Outcome::Interrupted)
    }
}

/// Interrupts tasks and reports, as `admin::ending` does, with all the patience there is.
pub(crate) fn interrupt<const N: usize>(tasks: [TaskRef; N], reason: &str) -> [Report; N] {
    interrupt_and(tasks, reason, |waiting| {
        // A task that ends in the moment in which it is interrupted tells nobody.
        while !is_done(waiting) && !tasks.iter().all(TaskRef::is_gone) {
            loom::thread::yield_now();
        }
    })
}

/// The same for tasks that are known to wait: they tell. Without the looks between, three can play.
pub(crate) fn interrupt_waiting<const N: usize>(tasks: [TaskRef; N], reason: &str) -> [Report; N] {
    interrupt_and(tasks, reason, |waiting| block_on(waiting.wait()))
}

fn interrupt_and<const N: usize>(
    tasks: [TaskRef; N],
    reason: &str,
    wait: impl FnOnce(&WaitGroup),
) -> [Report; N] {
    let waiting = Arc::new(WaitGroup::default());
    // Kept to the end: to drop the last of an `Arc` is to see more than the interrupt hands over.
    let interrupt = Interrupt::by_operator(reason);
    let told = tasks.map(|task| task.interrupt(interrupt.clone(), &waiting));
    wait(&waiting);
    assert!(tasks.iter().all(TaskRef::is_gone), "stuck in a poll");
    told.map(|told| Report {
        told: told.is_some(),
        ending: told.as_ref().and_then(|ending| ending.outcome()),
    })
}

/// Whether all have told, without waiting for it.
fn is_done(waiting: &WaitGroup) -> bool {
    let mut nobody = Context::from_waker(Waker::noop());
    pin!(waiting.wait()).poll(&mut nobody).is_ready()
}

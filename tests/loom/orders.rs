//! Orders to end: none is lost, none hits another task, the first one stands, and nobody waits for ever.

use std::future::pending;
use std::task::{Context, Poll, Wake, Waker};

use crate::executor::block_on;
use crate::roles::{
    THREE_THREADS, TWO_THREADS, begin, end, every_interleaving, interrupt, ledger, order, pause,
    work,
};
use crate::stats::Outcome;
use crate::sync::Arc;
use crate::task::{Task, Waiting};
use crate::tracked::{Step, Tracked};

/// The operator's order against a task that is about to end by itself.
#[test]
fn an_order_and_a_natural_end_race_and_the_report_is_the_truth() {
    let ways = every_interleaving(TWO_THREADS, || {
        let guard = begin(&ledger(), 1);
        let task = Arc::clone(guard.arc());
        let worker = loom::thread::spawn(move || work(guard, pause()));
        let [report] = interrupt([&task], "why");
        let truth = worker.join().expect("the worker ends");
        assert_eq!(report.outcome, Some(truth));
        (report.told, truth)
    });
    assert!(ways.contains(&(true, Outcome::Interrupted)));
    assert!(ways.contains(&(true, Outcome::Completed)));
    assert!(ways.contains(&(false, Outcome::Completed)));
    assert_eq!(ways.len(), 3);
}

/// The order against the poller that leaves its waker and goes to wait: nobody else would wake it.
#[test]
fn an_order_is_not_lost_on_a_task_that_goes_to_wait() {
    let ways = every_interleaving(TWO_THREADS, || {
        let guard = begin(&ledger(), 1);
        let task = Arc::clone(guard.arc());
        let worker = loom::thread::spawn(move || work(guard, pending()));
        let [report] = interrupt([&task], "why");
        worker.join().expect("the worker ends");
        report.outcome
    });
    assert_eq!(ways, [Some(Outcome::Interrupted)]);
}

/// The order against a task that moves: the waker that it takes may be the old one, which wakes nobody.
#[test]
fn an_order_is_not_lost_on_a_task_that_changes_its_waker() {
    let ways = every_interleaving(TWO_THREADS, || {
        let guard = begin(&ledger(), 1);
        let task = Arc::clone(guard.arc());
        let worker = loom::thread::spawn(move || {
            let mut tracked = Box::pin(Tracked::new(guard, pending()));
            let mut nobody = Context::from_waker(Waker::noop());
            end(match tracked.as_mut().poll(&mut nobody) {
                Poll::Ready(step) => step,
                Poll::Pending => block_on(tracked),
            })
        });
        let [report] = interrupt([&task], "why");
        worker.join().expect("the worker ends");
        report.outcome
    });
    assert_eq!(ways, [Some(Outcome::Interrupted)]);
}

/// Two operators and the worker, all at once: an order that was seen to stand is the one that the task
/// ends by, and neither operator waits on the other's order for ever.
#[test]
fn of_two_orders_the_first_stands_and_both_operators_hear_of_the_end() {
    let ways = every_interleaving(THREE_THREADS, || {
        let guard = begin(&ledger(), 1);
        let task = Arc::clone(guard.arc());
        let worker = loom::thread::spawn(move || {
            let Step::Interrupted(guard) = block_on(Tracked::new(guard, pending::<()>())) else {
                panic!("it does not end by itself");
            };
            let order = guard.task().signal.order().expect("it ends by an order");
            end(Step::Interrupted(guard));
            order.reason.to_string()
        });
        let other = {
            let task = Arc::clone(&task);
            loom::thread::spawn(move || standing_order(&task, "second"))
        };
        let mine = standing_order(&task, "first");
        let other = other.join().expect("the other operator hears of it");
        let reason = worker.join().expect("the worker ends");
        for seen in [&mine, &other].into_iter().flatten() {
            assert_eq!(*seen, reason);
        }
        reason
    });
    assert_eq!(ways.len(), 2, "each of them was the first one: {ways:?}");
}

/// Orders the end and waits for it; gives back the order that stood meanwhile, if the task still lived.
fn standing_order(task: &Task, reason: &str) -> Option<String> {
    let waiting = Arc::new(Waiting::default());
    task.signal.order_end(order(reason), &waiting);
    let standing = task.signal.order();
    block_on(waiting.all_ended());
    assert_eq!(task.outcome(), Some(Outcome::Interrupted));
    standing.map(|order| order.reason.to_string())
}

/// An operator whose patience is over lets go of what the end of the task is about to count down.
#[test]
fn an_operator_who_gives_up_takes_nothing_from_the_one_who_waits() {
    let ways = every_interleaving(THREE_THREADS, || {
        let guard = begin(&ledger(), 1);
        let task = Arc::clone(guard.arc());
        let worker = loom::thread::spawn(move || work(guard, pending()));
        let impatient = {
            let task = Arc::clone(&task);
            loom::thread::spawn(move || {
                let waiting = Arc::new(Waiting::default());
                task.signal.order_end(order("and be quick"), &waiting)
            })
        };
        let [report] = interrupt([&task], "why");
        impatient.join().expect("gives up");
        worker.join().expect("the worker ends");
        report.outcome
    });
    assert_eq!(ways, [Some(Outcome::Interrupted)]);
}

/// A record lives on while somebody looks at it. What the executor gave for it must not: with a waker goes
/// the whole future, and what that holds.
#[test]
fn the_record_of_an_ended_task_keeps_no_waker() {
    every_interleaving(TWO_THREADS, || {
        let guard = begin(&ledger(), 1);
        let task = Arc::clone(guard.arc());
        let operator = {
            let task = Arc::clone(&task);
            loom::thread::spawn(move || interrupt([&task], "why"))
        };
        let executor = std::sync::Arc::new(Executor);
        let waker = Waker::from(std::sync::Arc::clone(&executor));
        let mut tracked = Box::pin(Tracked::new(guard, pause()));
        while tracked
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .map(end)
            .is_pending()
        {}
        operator.join().expect("the operator hears of it");
        drop((tracked, waker));
        assert_eq!(std::sync::Arc::strong_count(&executor), 1);
        drop(task);
    });
}

/// One that polls again without being woken.
struct Executor;

impl Wake for Executor {
    fn wake(self: std::sync::Arc<Self>) {}
}

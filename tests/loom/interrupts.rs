//! Interrupts: none is lost, the first one applies, no operator waits forever, and reports are
//! true.

use std::future::pending;
use std::task::{Context, Poll, Wake, Waker};

use crate::executor::{Kept, block_on};
use crate::guard::Guard;
use crate::roles::{
    THREE_THREADS, TWO_THREADS, at_once, begin_and_find, complete, end, every_interleaving,
    interrupt, interrupt_waiting, pause, work,
};
use crate::stats::Outcome;
use crate::sync::Arc;
use crate::task::{Interrupt, WaitGroup};
use crate::tracked::{StageEnd, Tracked};

/// The interrupt races with the end of a task that has waited.
#[test]
fn the_report_is_true_if_an_interrupt_races_with_the_end() {
    let ways = every_interleaving(TWO_THREADS, || {
        let (guard, task) = begin_and_find();
        let worker = loom::thread::spawn(move || work(guard, pause()));
        let [report] = interrupt([task], "why");
        let truth = worker.join().expect("the worker ends");
        assert_eq!(report.ending.is_some(), report.was_alive);
        assert_eq!(report.is_interrupted(), truth == Outcome::Interrupted);
        (report.was_alive, truth)
    });
    assert!(ways.contains(&(true, Outcome::Interrupted)));
    assert!(ways.contains(&(true, Outcome::Completed)));
    assert!(ways.contains(&(false, Outcome::Completed)));
    assert_eq!(ways.len(), 3);
}

/// The interrupt races with the end of a task that never waits. Its end takes no lock unless it
/// sees the signal, so it may miss the interrupt. The operator sees that it is gone, and does not
/// report it as interrupted.
#[test]
fn a_task_that_misses_its_interrupt_is_seen_to_be_gone() {
    let ways = every_interleaving(TWO_THREADS, || {
        let (guard, task) = begin_and_find();
        let (_, [report]) = at_once(move || complete(guard), move || interrupt([task], "why"));
        report
    });
    let all = [
        (false, None),
        (true, None),
        (true, Some(Outcome::Completed)),
    ];
    let ways: Vec<_> = ways.iter().map(|way| (way.was_alive, way.ending)).collect();
    assert!(all.iter().all(|way| ways.contains(way)), "{ways:?}");
    assert_eq!(ways.len(), 3, "{ways:?}");
}

/// The interrupt races with a poller that registers its waker and waits: only the interrupt wakes
/// it.
#[test]
fn an_interrupt_reaches_a_task_that_begins_to_wait() {
    let ways = every_interleaving(TWO_THREADS, || {
        let (guard, task) = begin_and_find();
        let worker = loom::thread::spawn(move || work(guard, pending()));
        let [report] = interrupt([task], "why");
        worker.join().expect("the worker ends");
        report.ending
    });
    assert_eq!(ways, [Some(Outcome::Interrupted)]);
}

/// The interrupt races with a task that moves: the waker that it takes may be the old one, without
/// effect.
#[test]
fn an_interrupt_reaches_a_task_that_changes_its_waker() {
    let ways = every_interleaving(TWO_THREADS, || {
        let (guard, task) = begin_and_find();
        let worker = loom::thread::spawn(move || {
            let mut tracked = Kept::new(Box::pin(Tracked::new(guard, pending())));
            let mut nobody = Context::from_waker(Waker::noop());
            end(match tracked.as_mut().poll(&mut nobody) {
                Poll::Ready(step) => step,
                Poll::Pending => block_on(tracked.as_mut()),
            })
        });
        let [report] = interrupt([task], "why");
        worker.join().expect("the worker ends");
        report.ending
    });
    assert_eq!(ways, [Some(Outcome::Interrupted)]);
}

/// Two operators and the worker at the same time: the task ends by the first interrupt, and neither
/// operator waits forever.
#[test]
fn the_first_of_two_interrupts_applies_and_both_operators_see_the_end() {
    let ways = every_interleaving(THREE_THREADS, || {
        let (guard, task) = begin_and_find();
        let worker = loom::thread::spawn(move || {
            let StageEnd::Interrupted(guard) = block_on(Tracked::new(guard, pending::<()>()))
            else {
                panic!("pending never completes");
            };
            let reason = standing(&guard);
            let told_again = standing(&guard);
            end(StageEnd::Interrupted(guard));
            assert_eq!(reason, told_again);
            reason
        });
        let other = loom::thread::spawn(move || interrupt_waiting([task], "second"));
        let [mine] = interrupt_waiting([task], "first");
        let [other] = other.join().expect("the other operator sees the end");
        let reason = worker.join().expect("the worker ends");
        for report in [mine, other] {
            assert_eq!(report.was_alive, report.is_interrupted());
        }
        assert!(mine.was_alive || reason == "second");
        assert!(other.was_alive || reason == "first");
        (reason, mine.was_alive && other.was_alive)
    });
    let reasons = ["first", "second"].map(str::to_owned);
    for reason in reasons {
        assert!(
            ways.contains(&(reason, true)),
            "both were in time: {ways:?}"
        );
    }
}

fn standing(guard: &Guard) -> String {
    let interrupt = guard.task().pending_interrupt();
    interrupt
        .expect("the task is interrupted")
        .reason
        .to_string()
}

/// An operator gives up, and drops the `WaitGroup` that the end of the task is about to decrement.
#[test]
fn an_operator_that_gives_up_does_not_affect_another() {
    let ways = every_interleaving(THREE_THREADS, || {
        let (guard, task) = begin_and_find();
        let worker = loom::thread::spawn(move || work(guard, pending()));
        let impatient = loom::thread::spawn(move || {
            let waiting = Arc::new(WaitGroup::default());
            let interrupt = Interrupt::by_operator("and be quick");
            task.interrupt(interrupt, &waiting).is_some()
        });
        let [report] = interrupt_waiting([task], "why");
        let told = impatient.join().expect("gives up");
        worker.join().expect("the worker ends");
        assert!(report.was_alive || told);
        assert_eq!(report.was_alive, report.is_interrupted());
        (told, report.was_alive)
    });
    assert!(ways.contains(&(true, true)), "{ways:?}");
}

/// A slot is reused by the next task, but must not keep the waker of the previous one: a waker owns
/// the future and all that it holds.
#[test]
fn the_slot_of_an_ended_task_holds_no_waker() {
    let ways = every_interleaving(TWO_THREADS, || {
        let (guard, task) = begin_and_find();
        let operator = loom::thread::spawn(move || interrupt([task], "why"));
        let executor = std::sync::Arc::new(Executor);
        let waker = Waker::from(std::sync::Arc::clone(&executor));
        let mut tracked = Kept::new(Box::pin(Tracked::new(guard, pause())));
        let mut context = Context::from_waker(&waker);
        let outcome = loop {
            if let Poll::Ready(step) = tracked.as_mut().poll(&mut context) {
                break end(step);
            }
        };
        operator.join().expect("the operator sees the end");
        drop((tracked, waker));
        assert_eq!(std::sync::Arc::strong_count(&executor), 1);
        outcome
    });
    assert_eq!(ways.len(), 2, "interrupted and not: {ways:?}");
}

/// A waker without effect, for an executor that polls in a loop.
struct Executor;

impl Wake for Executor {
    fn wake(self: std::sync::Arc<Self>) {}
}

/// Two workers decrement the operator's `WaitGroup`: the last one wakes the operator, who must also
/// see the outcome of the other task.
#[test]
fn a_waiter_for_several_tasks_sees_each_outcome() {
    let ways = every_interleaving(THREE_THREADS, || {
        let [(first, one), (second, other)] = [(); 2].map(|()| begin_and_find());
        let ends_by_itself = loom::thread::spawn(move || work(first, pause()));
        let is_ended = loom::thread::spawn(move || work(second, pending()));
        let [one, other] = interrupt_waiting([one, other], "why");
        let truth = ends_by_itself.join().expect("the first worker ends");
        is_ended.join().expect("the second worker ends");
        assert_eq!(one.is_interrupted(), truth == Outcome::Interrupted);
        assert!(other.is_interrupted());
        (one.was_alive, truth)
    });
    assert_eq!(ways.len(), 3, "{ways:?}");
}

/// An interrupt concurrent with the end of the task stays in its slot, without effect.
#[test]
fn a_task_that_is_gone_is_not_shown_as_interrupted() {
    let ways = every_interleaving(TWO_THREADS, || {
        let (guard, task) = begin_and_find();
        let (_, told) = at_once(
            move || complete(guard),
            move || {
                let waiting = Arc::new(WaitGroup::default());
                let told = task.interrupt(Interrupt::by_operator("why"), &waiting);
                told.is_some()
            },
        );
        assert!(task.is_gone() && !task.is_interrupted());
        told
    });
    assert_eq!(ways.len(), 2, "in time and too late");
}

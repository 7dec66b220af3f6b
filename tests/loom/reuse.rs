//! A slot is reused while an operator holds a reference to its first task: an interrupt reaches
//! that task or none.

use std::future::pending;

use crate::roles::{
    MANY_READS, THREE_THREADS, TWO_THREADS, at_once, begin, begin_and_find, complete,
    every_interleaving, interrupt, listed, pause, work,
};
use crate::stats::Outcome;
use crate::sync::Arc;
use crate::task::{Interrupt, TaskRef, WaitGroup, give_slots_back};

/// The operator interrupts a task while the worker ends it and begins another in its slot.
#[test]
fn an_interrupt_never_reaches_the_next_task_of_the_slot() {
    let ways = every_interleaving(TWO_THREADS, || {
        let (first, task) = begin_and_find();
        let (second, report) = at_once(
            move || {
                let slot = first.task();
                complete(first);
                let second = begin();
                assert!(std::ptr::eq(slot, second.task()), "the slot is reused");
                let id = second.task().id();
                assert!(!second.task().is_interrupted(id));
                assert!(second.task().pending_interrupt().is_none());
                work(second, pause())
            },
            move || {
                let [report] = interrupt([task], "why");
                assert!(!report.is_interrupted());
                report
            },
        );
        assert_eq!(second, Outcome::Completed);
        (report.was_alive, report.ending)
    });
    let all = [
        (false, None),
        (true, None),
        (true, Some(Outcome::Completed)),
    ];
    assert!(all.iter().all(|way| ways.contains(way)), "{ways:?}");
}

/// The same, but the next task waits: its waker remains for an interrupt of its own.
#[test]
fn a_late_interrupt_takes_no_waker_of_the_next_task() {
    let ways = every_interleaving(MANY_READS, || {
        let (first, task) = begin_and_find();
        let (_, told) = at_once(
            move || {
                complete(first);
                work(begin(), pending())
            },
            move || {
                let waiting = Arc::new(WaitGroup::default());
                let told = task.interrupt(Interrupt::by_operator("late"), &waiting);
                let next = next_after(&task);
                let [report] = interrupt([next], "why");
                assert!(report.is_interrupted());
                told
            },
        );
        told.is_some()
    });
    assert_eq!(ways.len(), 2, "in time and too late: {ways:?}");
}

/// The task that is listed after `task` is gone.
fn next_after(task: &TaskRef) -> TaskRef {
    loop {
        let next = listed().into_iter().find(|next| next.id != task.id);
        if let Some(next) = next {
            return next;
        }
        loom::thread::yield_now();
    }
}

/// The same, but another worker reuses the slot.
#[test]
fn an_interrupt_never_reaches_a_task_that_another_worker_began() {
    let ways = every_interleaving(THREE_THREADS, || {
        let (first, task) = begin_and_find();
        let slot = first.task();
        let one = loom::thread::spawn(move || {
            complete(first);
            give_slots_back();
        });
        let other = loom::thread::spawn(move || {
            let second = begin();
            let is_same = std::ptr::eq(slot, second.task());
            (is_same, work(second, pause()))
        });
        let operator = loom::thread::spawn(move || interrupt([task], "why"));
        one.join().expect("the worker is done");
        let (is_same, outcome) = other.join().expect("the other worker is done");
        assert_eq!(outcome, Outcome::Completed);
        let [report] = operator.join().expect("the operator is done");
        assert!(!report.is_interrupted());
        (is_same, report.was_alive)
    });
    let both = [(true, true), (true, false)];
    assert!(both.iter().all(|way| ways.contains(way)), "{ways:?}");
}

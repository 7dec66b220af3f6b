//! The end of a task as others see it: whoever was told of it, or saw it, sees all that came before.

use std::future::pending;

use loom::sync::atomic::{AtomicBool, Ordering};

use crate::roles::{
    THREE_THREADS, TWO_THREADS, begin, complete, every_interleaving, interrupt, ledger, work,
};
use crate::stats::Outcome;
use crate::sync::Arc;

/// Two workers count down to the operator's patience: the last one says that all have ended, and the
/// operator must see the outcome of the other one too.
#[test]
fn who_waited_for_several_tasks_sees_how_each_ended() {
    let ways = every_interleaving(THREE_THREADS, || {
        let ledger = ledger();
        let guards = [begin(&ledger, 1), begin(&ledger, 2)];
        let [one, other] = guards.each_ref().map(|guard| Arc::clone(guard.arc()));
        let [first, second] = guards;
        let ends_by_itself = loom::thread::spawn(move || complete(first));
        let is_ended = loom::thread::spawn(move || work(second, pending()));
        let reports = interrupt([&one, &other], "why");
        assert_eq!(reports[0].outcome, Some(Outcome::Completed));
        assert_eq!(reports[1].outcome, Some(Outcome::Interrupted));
        ends_by_itself.join().expect("the first worker ends");
        is_ended.join().expect("the second worker ends");
        reports[0].told
    });
    assert_eq!(ways.len(), 2, "ended before the order, and after it");
}

/// An operator who does not wait, but looks: what the poller noted before the end, the status that says
/// whether the connection was given away for one, is to be seen with the end.
#[test]
fn who_sees_the_end_sees_what_was_noted_before_it() {
    let ways = every_interleaving(TWO_THREADS, || {
        let ledger = ledger();
        let guard = begin(&ledger, 1);
        let task = Arc::clone(guard.arc());
        // Relaxed, as all that the poller notes in `task::own`.
        let note = std::sync::Arc::new(AtomicBool::new(false));
        let pen = std::sync::Arc::clone(&note);
        let worker = loom::thread::spawn(move || {
            pen.store(true, Ordering::Relaxed);
            complete(guard);
        });
        let outcome = task.outcome();
        let is_noted = note.load(Ordering::Relaxed);
        let numbers = ledger.snapshot();
        if outcome.is_some() {
            assert_eq!(outcome, Some(Outcome::Completed));
            assert!(is_noted);
            assert_eq!((numbers.active, numbers.ended.total()), (0, 1));
        }
        worker.join().expect("the worker ends");
        outcome
    });
    assert_eq!(ways.len(), 2, "before the end, and after it");
}

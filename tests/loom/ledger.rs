//! The book of a route while tasks come and go: a cancel hits the task that was meant and no other, and the
//! numbers add up in every snapshot.

use std::time::Duration;

use crate::clock::Instant;
use crate::executor::Kept;
use crate::roles::{
    THREE_THREADS, TWO_THREADS, begin, complete, every_interleaving, interrupt, ledger,
};
use crate::stats::{Measure, Outcome};
use crate::sync::Arc;
use crate::task::{Kind, Ledger, Task, TaskId};

/// The operator looks a task up while the worker ends it and enters another one, which gets the same place
/// in the book.
#[test]
fn a_cancel_never_hits_the_task_that_took_the_place_of_another() {
    let ways = every_interleaving(TWO_THREADS, || {
        let ledger = ledger();
        let first = begin(&ledger, 1);
        let (place, id) = (first.task().own.place(), first.task().id);
        let book = Arc::clone(&ledger);
        let worker = loom::thread::spawn(move || {
            complete(first);
            let second = Kept::new(begin(&book, 2));
            let found = book.find(second.task().own.place(), TaskId(2));
            assert_eq!(found.expect("it is entered").id, TaskId(2));
            second
        });
        let found = ledger.find(place, id);
        let report = found.map(|found| {
            assert_eq!(found.id, id);
            let [report] = interrupt([&found], "why");
            assert_eq!(report.outcome, Some(Outcome::Completed));
            report.told
        });
        let second = worker.join().expect("the worker goes on");
        assert!(ledger.find(place, id).is_none());
        let there = ledger.find(place, TaskId(2));
        assert!(
            there.is_some(),
            "they had the same place, one after the other"
        );
        assert!(!second.task().signal.is_ordered());
        assert!(second.task().signal.order().is_none());
        report
    });
    // Gone when it was looked up; found, and gone when it was told; told, and ended by itself all the same.
    assert!(
        [None, Some(false), Some(true)]
            .iter()
            .all(|way| ways.contains(way))
    );
}

/// The operator reads the list while the worker ends one task and enters another at its place.
#[test]
fn a_list_of_tasks_never_has_one_that_was_not_there() {
    let ways = every_interleaving(TWO_THREADS, || {
        let ledger = ledger();
        let first = begin(&ledger, 1);
        let book = Arc::clone(&ledger);
        let worker = loom::thread::spawn(move || {
            complete(first);
            Kept::new(begin(&book, 2))
        });
        let mut listed = Vec::new();
        ledger.for_each(|task| listed.push((task.id.0, task.outcome().is_some())));
        let second = worker.join().expect("the worker goes on");
        drop(second);
        listed
    });
    let lists: [&[(u64, bool)]; 4] = [&[(1, false)], &[(1, true)], &[], &[(2, false)]];
    assert_eq!(ways.len(), 4, "{ways:?}");
    assert!(lists.iter().all(|list| ways.iter().any(|way| way == list)));
}

/// A task moves from those that live to those that ended while an operator reads both: it is in one of
/// them, not in both and not in neither.
#[test]
fn every_task_is_in_every_snapshot_once() {
    let ways = every_interleaving(TWO_THREADS, || {
        let ledger = ledger();
        let first = begin(&ledger, 1);
        let book = Arc::clone(&ledger);
        let worker = loom::thread::spawn(move || {
            complete(first);
            complete(begin(&book, 2));
        });
        let [before, after] = [(); 2].map(|()| ledger.snapshot());
        assert!((1..=2).contains(&before.total()), "{before:?}");
        assert!((before.total()..=2).contains(&after.total()), "{after:?}");
        assert!(before.active <= 1 && after.active <= 1);
        assert!(before.ended.total() <= after.ended.total());
        worker.join().expect("the worker ends");
        let last = ledger.snapshot();
        assert_eq!((last.active, last.ended.total()), (0, 2));
        (before.active, before.total())
    });
    // The first one lives; it has ended; the second one lives; it has ended.
    let all = [(1, 1), (0, 1), (1, 2), (0, 2)];
    assert!(all.iter().all(|way| ways.contains(way)), "{ways:?}");
}

/// Two operators and a worker carry what was counted in a second to the window, whoever comes first. An
/// answer that was counted before is in the averages of all of them meanwhile.
#[test]
fn an_answer_that_was_counted_is_in_every_average() {
    every_interleaving(THREE_THREADS, || {
        let ledger = ledger();
        answer(&ledger, 1, 990);
        let average = |book: &Ledger| {
            let [minute, ..] = book.recent();
            let average = minute.time(Measure::Average);
            average.expect("there was an answer")
        };
        let worker = {
            let book = Arc::clone(&ledger);
            loom::thread::spawn(move || answer(&book, 2, 996))
        };
        let operator = {
            let book = Arc::clone(&ledger);
            loom::thread::spawn(move || average(&book))
        };
        let one = average(&ledger);
        let other = operator.join().expect("the other operator reads it");
        worker.join().expect("the worker counts");
        let (first, both) = (Duration::from_secs(10), Duration::from_secs(7));
        assert!([first, both].contains(&one), "{one:?}");
        assert!([first, both].contains(&other), "{other:?}");
        assert_eq!(average(&ledger), both);
    });
}

/// The second goes on between two answers: the worker carries the first one to the window itself, and an operator may
/// be at that already.
#[test]
fn an_answer_is_counted_once_while_the_second_goes_on() {
    let ways = every_interleaving(TWO_THREADS, || {
        let ledger = ledger();
        let worker = {
            let book = Arc::clone(&ledger);
            loom::thread::spawn(move || {
                for second in [1_000, 1_001] {
                    answer_at(&book, second);
                }
            })
        };
        let read = || {
            let [minute, ..] = ledger.recent();
            (minute.begun(), ledger.snapshot().ended.answers())
        };
        let (begun, answered) = read();
        worker.join().expect("the worker counts");
        // The snapshot is the later look.
        assert!(answered <= 2 && begun <= 2);
        assert_eq!(read(), (2, 2));
        begun
    });
    assert_eq!(ways.len(), 3, "none, one and both: {ways:?}");
}

/// A task that is begun and answered in that second.
fn answer_at(book: &Arc<Ledger>, second: u64) {
    let (ledger, id) = (Arc::clone(book), TaskId(second));
    let mut task = Task::new(Kind { id, ledger });
    task.started = Instant::at(second);
    let place = book.enter(Arc::new(task));
    let answered = Some((Instant::at(second), Instant::at(second)));
    book.strike_off(place, Outcome::Completed, None, answered);
}

/// A task that was begun in that second and is answered now.
fn answer(book: &Arc<Ledger>, id: u64, begun: u64) {
    let ledger = Arc::clone(book);
    let id = TaskId(id);
    let place = book.enter(Arc::new(Task::new(Kind { id, ledger })));
    let answered = Some((Instant::at(begun), Instant::now()));
    book.strike_off(place, Outcome::Completed, None, answered);
}

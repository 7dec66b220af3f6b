//! The counters of a route: related counters are consistent, and each event is counted once.

use axum::http::StatusCode;

use crate::clock::{self, Instant};
use crate::roles::{
    BEGIN, MANY_READS, THREE_THREADS, TWO_THREADS, at_once, begin, begin_and_find, complete,
    every_interleaving, listed,
};
use crate::routes::route;
use crate::stats::{Measure, Outcome, ShardIndex, StatsSnapshot, StatusClass};
use crate::task::{ThreadContext, with_thread};

/// Ends a task with this status, in the shard of the first worker.
fn end_with(status: StatusCode, outcome: Outcome) {
    let times = (Instant::at(BEGIN - 1), Instant::now());
    route()
        .stats
        .end(ShardIndex::new(0), outcome, Some(status), times);
}

/// Interrupts a task in the shard with this index.
fn interrupt_in(index: ShardIndex) {
    let now = Instant::now();
    route()
        .stats
        .end(index, Outcome::Interrupted, None, (now, now));
}

fn statuses(snapshot: &StatsSnapshot) -> u64 {
    let classes = (1..=5).map(StatusClass::from_digit);
    classes.map(|class| snapshot.ended.status(class)).sum()
}

/// The end of a task changes several counters, which are read as of one moment.
#[test]
fn an_end_is_counted_as_a_whole() {
    let ways = every_interleaving(TWO_THREADS, || {
        let index = ShardIndex::new(0);
        for _ in 0..2 {
            route().stats.begin(index, Instant::now());
        }
        end_with(StatusCode::SERVICE_UNAVAILABLE, Outcome::Interrupted);
        at_once(
            || end_with(StatusCode::OK, Outcome::Completed),
            move || {
                let snapshot = route().stats.snapshot();
                let ended = snapshot.ended.total();
                assert_eq!(statuses(&snapshot), ended);
                assert_eq!(
                    snapshot.ended.answers(),
                    snapshot.ended.answer_time().as_secs()
                );
                assert_eq!(snapshot.total(), 2);
                ended
            },
        )
        .1
    });
    assert_eq!(ways.len(), 2, "before and after: {ways:?}");
}

/// A task begins in one shard and ends in another, as one that moves between threads does, while
/// another task stays alive: a reader that sees its end also sees its begin.
#[test]
fn a_task_that_ends_in_another_shard_is_never_ended_before_it_began() {
    let ways = every_interleaving(TWO_THREADS, || {
        let [one, other] = [0, 1].map(ShardIndex::new);
        let stats = &route().stats;
        stats.begin(one, Instant::now());
        let ((), seen) = at_once(
            || {
                stats.begin(one, Instant::now());
                interrupt_in(other);
            },
            || {
                let snapshot = stats.snapshot();
                assert!((1..=2).contains(&snapshot.active), "{snapshot:?}");
                assert!(snapshot.total() <= 2, "{snapshot:?}");
                (snapshot.active, snapshot.ended.total())
            },
        );
        seen
    });
    // Not begun; alive, or ending between the two reads; ended.
    for way in [(1, 0), (2, 0), (1, 1)] {
        assert!(ways.contains(&way), "{ways:?}");
    }
}

/// A task ends on one thread and the next begins on another: two are never active.
#[test]
fn consecutive_tasks_on_two_threads_are_never_active_together() {
    let ways = every_interleaving(THREE_THREADS, || {
        let [one, other] = [0, 1].map(ShardIndex::new);
        let stats = &route().stats;
        stats.begin(one, Instant::now());
        let ((), seen) = at_once(
            || {
                let end = move || interrupt_in(other);
                loom::thread::spawn(end).join().expect("the other worker");
                stats.begin(one, Instant::now());
            },
            || {
                let snapshot = stats.snapshot();
                assert!(snapshot.active <= 1, "{snapshot:?}");
                (snapshot.active, snapshot.ended.total())
            },
        );
        seen
    });
    // The first task is alive; it has ended; the second is alive.
    for way in [(1, 0), (0, 1), (1, 1)] {
        assert!(ways.contains(&way), "{ways:?}");
    }
}

/// Consecutive tasks on one thread: no task is missed, and two are never active.
#[test]
fn every_begun_task_is_active_or_ended_in_a_snapshot() {
    let ways = every_interleaving(MANY_READS, || {
        let first = begin();
        let ((), seen) = at_once(
            move || {
                complete(first);
                complete(begin());
            },
            move || {
                let snapshot = route().stats.snapshot();
                assert!((1..=2).contains(&snapshot.total()), "{snapshot:?}");
                assert!(snapshot.active <= 1, "{snapshot:?}");
                (snapshot.active, snapshot.ended.total())
            },
        );
        let last = route().stats.snapshot();
        assert_eq!((last.active, last.ended.total()), (0, 2));
        seen
    });
    // The first task is alive; it has ended; the second is alive; it has ended.
    let all = [(1, 0), (0, 1), (1, 1), (0, 2)];
    assert!(all.iter().all(|way| ways.contains(way)), "{ways:?}");
}

/// A request is refused before its handler runs, for example by `preempt`.
#[test]
fn a_refused_request_is_never_active() {
    let ways = every_interleaving(TWO_THREADS, || {
        let refuse = || {
            let shard = with_thread(ThreadContext::shard);
            route()
                .stats
                .count(shard, Outcome::Preempted, None, Instant::now());
        };
        let ((), seen) = at_once(refuse, || route().stats.snapshot());
        assert_eq!(seen.active, 0, "{seen:?}");
        seen.total()
    });
    assert_eq!(ways.len(), 2, "before and after: {ways:?}");
}

/// An operator polls a task instead of waiting for it.
#[test]
fn a_task_that_is_gone_is_counted() {
    let ways = every_interleaving(TWO_THREADS, || {
        let (guard, task) = begin_and_find();
        at_once(
            move || complete(guard),
            move || {
                let is_gone = task.is_gone();
                let snapshot = route().stats.snapshot();
                if is_gone {
                    assert_eq!((snapshot.active, snapshot.ended.total()), (0, 1));
                }
                is_gone
            },
        )
        .1
    });
    assert_eq!(ways.len(), 2, "before and after the end");
}

/// An operator lists a task and reads the counters of its route.
#[test]
fn a_listed_task_is_counted() {
    let ways = every_interleaving(TWO_THREADS, || {
        at_once(
            || begin().into_task(),
            move || {
                let found = listed().len() as u64;
                let snapshot = route().stats.snapshot();
                assert!(snapshot.active >= found, "{snapshot:?}");
                found
            },
        )
        .1
    });
    assert_eq!(ways.len(), 2, "before and after: {ways:?}");
}

/// The second advances between two responses: the worker moves the counts of the first to the
/// window, while an operator adds up both.
#[test]
fn a_response_is_counted_once_across_seconds() {
    let ways = every_interleaving(MANY_READS, || {
        for _ in 0..2 {
            answer_at(BEGIN);
        }
        let ((), (begun, average)) = at_once(
            || answer_at(BEGIN + 1),
            move || {
                let (begun, average) = recent();
                assert!((2..=3).contains(&begun));
                assert!([Some(1), Some(2)].contains(&average), "{average:?}");
                (begun, average)
            },
        );
        assert_eq!(recent(), (3, Some(2)));
        (begun, average)
    });
    assert!(
        ways.contains(&(2, Some(1))) && ways.contains(&(3, Some(2))),
        "{ways:?}"
    );
}

/// The same for the ends since the start, with one that is no response.
#[test]
fn an_end_is_in_the_totals_once_across_seconds() {
    let ways = every_interleaving(MANY_READS, || {
        answer_at(BEGIN);
        interrupt_in(ShardIndex::new(0));
        let ((), seen) = at_once(
            || answer_at(BEGIN + 1),
            move || {
                let (completed, interrupted) = ends();
                assert_eq!(interrupted, 1);
                completed
            },
        );
        assert_eq!(ends(), (2, 1));
        seen
    });
    assert_eq!(ways.len(), 2, "before and after: {ways:?}");
}

/// Number of ends since the start that are responses, and that are not.
fn ends() -> (u64, u64) {
    let count = |is_completed: bool| {
        let ends = route().stats.ends().into_iter();
        let ends = ends.filter(|ends| (ends.outcome() == Outcome::Completed) == is_completed);
        ends.flat_map(|ends| *ends.counts()).sum()
    };
    (count(true), count(false))
}

/// Begins and completes a task in this second. After two in one second and one in the next, the
/// average is two seconds; it is another if one of them is counted twice or not at all.
fn answer_at(second: u64) {
    clock::set(second);
    let (index, at) = (ShardIndex::new(0), Instant::at(second));
    let seconds = if second == BEGIN { 1 } else { 4 };
    route().stats.begin(index, at);
    let times = (Instant::at(second - seconds), at);
    route().stats.end(index, Outcome::Completed, None, times);
}

/// Number of tasks that began in the last minute, and the average response time in seconds.
fn recent() -> (u64, Option<u64>) {
    let [minute, ..] = route().stats.recent();
    let average = minute.time(Measure::Average);
    (minute.begun(), average.map(|average| average.as_secs()))
}

/// The same without responses. A reader may see stale values of single counters; the lock is held
/// until all of them are moved.
#[test]
fn a_begin_is_counted_once_across_seconds() {
    let ways = every_interleaving(MANY_READS, || {
        let begin_at = |second| {
            let at = Instant::at(second);
            route().stats.begin(ShardIndex::new(0), at);
        };
        for _ in 0..2 {
            begin_at(BEGIN);
        }
        let ((), begun) = at_once(move || begin_at(BEGIN + 1), || recent().0);
        assert!((2..=3).contains(&begun), "{begun}");
        begun
    });
    assert_eq!(ways.len(), 2, "before and after: {ways:?}");
}

/// Two workers move their counts to the same window, and an operator reads it.
#[test]
fn begins_of_two_workers_are_counted_once_across_seconds() {
    let ways = every_interleaving(THREE_THREADS, || {
        let count = |index: u32, second: u64| {
            let (index, at) = (ShardIndex::new(index), Instant::at(second));
            route().stats.begin(index, at);
        };
        count(0, BEGIN);
        count(1, BEGIN);
        clock::set(BEGIN + 1);
        let workers = [0, 1].map(|index| loom::thread::spawn(move || count(index, BEGIN + 1)));
        let operator = loom::thread::spawn(|| recent().0);
        for worker in workers {
            worker.join().expect("the worker is done");
        }
        let begun = operator.join().expect("the operator is done");
        assert!((2..=4).contains(&begun), "{begun}");
        assert_eq!(recent(), (4, None));
        begun
    });
    assert!([2, 3, 4].iter().all(|way| ways.contains(way)), "{ways:?}");
}

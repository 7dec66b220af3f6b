//! What is counted of a route: counts that belong together, and nothing that is counted twice or
//! not at all.

use crate::clock::{self, Instant};
use crate::roles::{
    BEGIN, MANY_READS, THREE_THREADS, TWO_THREADS, at_once, begin, begin_and_find, complete,
    every_interleaving, listed,
};
use crate::routes::route;
use crate::stats::{Measure, Outcome, ShardIndex, StatsSnapshot, StatusClass};
use crate::task::{ThreadContext, with_thread};

/// The end of a task with this status, in the shard of the first worker.
fn end_with(digit: u8, answered: bool) {
    let now = Instant::now();
    let outcome = if answered {
        Outcome::Completed
    } else {
        Outcome::Interrupted
    };
    let answered = answered.then_some((Instant::at(BEGIN - 1), now));
    let status = Some(StatusClass::from_digit(digit));
    route()
        .stats
        .end(ShardIndex::new(0), outcome, status, answered);
}

fn statuses(snapshot: &StatsSnapshot) -> u64 {
    let classes = (1..=5).map(StatusClass::from_digit);
    classes.map(|class| snapshot.ended.status(class)).sum()
}

/// The end of a task is in several counters, and all of them are read as they were at one moment.
#[test]
fn ends_are_counted_whole() {
    let ways = every_interleaving(TWO_THREADS, || {
        let index = ShardIndex::new(0);
        for _ in 0..2 {
            route().stats.begin(index, Instant::now());
        }
        end_with(5, false);
        at_once(
            || end_with(2, true),
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
    assert_eq!(ways.len(), 2, "before it, and after it: {ways:?}");
}

/// A task begins in one shard and ends in another, as it does where it goes from thread to thread,
/// while another one lives on: who finds that it has ended finds that it has begun.
#[test]
fn a_task_that_ends_in_another_shard_is_never_ended_before_it_began() {
    let ways = every_interleaving(TWO_THREADS, || {
        let [one, other] = [0, 1].map(ShardIndex::new);
        let stats = &route().stats;
        stats.begin(one, Instant::now());
        let ((), seen) = at_once(
            || {
                stats.begin(one, Instant::now());
                stats.end(other, Outcome::Interrupted, None, None);
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
    // It has not begun; it lives, or ends between the two looks; it has ended.
    for way in [(1, 0), (2, 0), (1, 1)] {
        assert!(ways.contains(&way), "{ways:?}");
    }
}

/// A task ends on one thread, and the next one begins on another one: there are never two.
#[test]
fn tasks_that_follow_each_other_on_two_threads_are_active_one_at_a_time() {
    let ways = every_interleaving(THREE_THREADS, || {
        let [one, other] = [0, 1].map(ShardIndex::new);
        let stats = &route().stats;
        stats.begin(one, Instant::now());
        let ((), seen) = at_once(
            || {
                let end = move || route().stats.end(other, Outcome::Interrupted, None, None);
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
    // The first one lives; it has ended; the second one lives.
    for way in [(1, 0), (0, 1), (1, 1)] {
        assert!(ways.contains(&way), "{ways:?}");
    }
}

/// Tasks that follow each other on one thread: no task is missed, and there are never two.
#[test]
fn what_began_is_active_or_has_ended_in_every_snapshot() {
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
    // The first one lives; it has ended; the second one lives; it has ended.
    let all = [(1, 0), (0, 1), (1, 1), (0, 2)];
    assert!(all.iter().all(|way| ways.contains(way)), "{ways:?}");
}

/// A request that is refused before its handler runs, for example by `preempt`.
#[test]
fn a_request_that_is_refused_is_never_active() {
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
    assert_eq!(ways.len(), 2, "before it, and after it: {ways:?}");
}

/// An operator who does not wait, but looks.
#[test]
fn who_sees_that_a_task_is_gone_finds_it_counted() {
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
    assert_eq!(ways.len(), 2, "before the end, and after it");
}

/// An operator who finds a task in the list, and looks at its route.
#[test]
fn who_finds_a_task_finds_its_beginning_counted() {
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
    assert_eq!(ways.len(), 2, "before it, and after it: {ways:?}");
}

/// The second goes on between two answers: the worker carries what it counted in the first one to
/// the window, while an operator adds up what is in both.
#[test]
fn an_answer_is_counted_once_while_the_second_goes_on() {
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

/// A task that is begun in this second, and answered. After two in one second and one in the next,
/// the average is two seconds: it would not be if one of them were counted twice or not at all.
fn answer_at(second: u64) {
    clock::set(second);
    let (index, at) = (ShardIndex::new(0), Instant::at(second));
    let seconds = if second == BEGIN { 1 } else { 4 };
    route().stats.begin(index, at);
    let answered = Some((Instant::at(second - seconds), at));
    route().stats.end(index, Outcome::Completed, None, answered);
}

/// How many tasks began in the last minute, and the average time of those that were answered, in
/// seconds.
fn recent() -> (u64, Option<u64>) {
    let [minute, ..] = route().stats.recent();
    let average = minute.time(Measure::Average);
    (minute.begun(), average.map(|average| average.as_secs()))
}

/// The same with no answers, of which a reader may find each number old: the lock is held until all
/// is carried.
#[test]
fn a_beginning_is_counted_once_while_the_second_goes_on() {
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
    assert_eq!(ways.len(), 2, "before it, and after it: {ways:?}");
}

/// Two workers, each of which carries what it counted to the same window, and an operator.
#[test]
fn beginnings_of_two_workers_are_counted_once_while_the_second_goes_on() {
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
            worker.join().expect("the worker counts");
        }
        let begun = operator.join().expect("the operator is done");
        assert!((2..=4).contains(&begun), "{begun}");
        assert_eq!(recent(), (4, None));
        begun
    });
    assert!([2, 3, 4].iter().all(|way| ways.contains(way)), "{ways:?}");
}

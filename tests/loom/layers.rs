//! The record of a layer: it moves to another route, its handler runs on another thread, and its
//! stage changes, while others read it.

use std::task::Poll;

use axum::http::Version;

use crate::clock::Instant;
use crate::executor::block_on;
use crate::guard::Guard;
use crate::roles::{
    MANY_READS, THREE_THREADS, TWO_THREADS, at_once, complete, every_interleaving, interrupt,
    listed, pause,
};
use crate::routes::{Route, of_layer, route};
use crate::stats::{Outcome, ShardIndex};
use crate::task::{MetaField, NewTask, Slot, Stage, TaskKind, TaskRef};
use crate::tracked::{StageEnd, Tracked};

/// Begins the record of a layer on its own route.
fn begin() -> Guard {
    let mut new = NewTask::request(of_layer(), Version::HTTP_11);
    new.set_begun_by_layer(false);
    Guard::new(new.begin())
}

fn begin_and_find() -> (Guard, TaskRef) {
    let guard = begin();
    let task = listed().pop().expect("it is alive");
    (guard, task)
}

/// The numbers of active and of all tasks, which must be possible for one request.
fn counts(route: &Route) -> (u64, u64) {
    let seen = route.stats.snapshot();
    assert!(seen.total() <= 1, "{seen:?}");
    (seen.active, seen.ended.total())
}

/// A request moves to the route of its handler and ends there.
#[test]
fn a_request_that_moves_is_counted_at_most_once_on_each_route() {
    let ways = every_interleaving(MANY_READS, || {
        let guard = begin();
        let (_, seen) = at_once(
            move || {
                guard.task().move_to(route());
                complete(guard)
            },
            || {
                // In this order: a request that has left the layer's route is on the other one.
                let former = counts(of_layer());
                let new = counts(route());
                assert!(
                    former.0 + new.0 + new.1 >= 1,
                    "it is lost: {former:?} {new:?}"
                );
                (former.0, new)
            },
        );
        assert_eq!((counts(of_layer()), counts(route())), ((0, 0), (0, 1)));
        seen
    });
    for way in [(1, (0, 0)), (1, (1, 0)), (0, (1, 0)), (0, (0, 1))] {
        assert!(ways.contains(&way), "{ways:?}");
    }
}

/// It begins in the shard of one thread and is taken back in that of another, in either order of
/// the shards, while two other requests stay.
#[test]
fn a_request_that_another_thread_takes_back_takes_no_other_one_with_it() {
    for [one, other] in [[0, 1], [1, 0]] {
        let ways = every_interleaving(THREE_THREADS, move || {
            let stats = &of_layer().stats;
            let [one, other] = [one, other].map(ShardIndex::new);
            for shard in [one, other] {
                stats.begin(shard, Instant::now());
            }
            let ((), seen) = at_once(
                move || {
                    stats.begin(one, Instant::now());
                    let retract = move || of_layer().stats.retract(other);
                    loom::thread::spawn(retract)
                        .join()
                        .expect("the other worker");
                },
                || {
                    let seen = stats.snapshot();
                    assert!((2..=3).contains(&seen.active), "{seen:?}");
                    seen.active
                },
            );
            assert_eq!(stats.snapshot().total(), 2);
            seen
        });
        assert!(ways.contains(&2) && ways.contains(&3), "{ways:?}");
    }
}

/// The URI equals the path of the first route, and is stored when the request moves to another.
#[test]
fn a_request_that_moves_keeps_its_uri() {
    let ways = every_interleaving(TWO_THREADS, || {
        let guard = Guard::new(NewTask::request(route(), Version::HTTP_11).begin());
        let task = listed().pop().expect("it is alive");
        let (_, seen) = at_once(
            move || {
                guard.task().move_to(of_layer());
                guard.into_task()
            },
            move || match task.read().expect("it is alive").kind {
                TaskKind::Request(request) => {
                    let uri = request.field(MetaField::Uri);
                    assert_eq!(uri.as_deref(), route().identity.path.as_deref());
                    std::ptr::eq(request.route, route())
                }
                TaskKind::Background(_) => panic!("it is a request"),
            },
        );
        seen
    });
    assert_eq!(ways.len(), 2, "on either route: {ways:?}");
}

/// A request is listed while it begins, is taken over and leaves its handler.
#[test]
fn a_stage_is_one_that_the_request_was_in() {
    let ways = every_interleaving(MANY_READS, || {
        let (_, seen) = at_once(
            || {
                let task = begin().into_task();
                task.move_to(route());
                task.set_taken_over();
                task.enter_extractors();
                task.enter_handler();
                task.leave_handler();
                task
            },
            || {
                let task = listed().pop()?;
                let stages = [(); 2].map(|()| task.read().expect("it is alive").stage);
                let [first, second] = stages.map(|stage| stage.expect("it is a request"));
                assert!(may_follow(first, second), "{first:?} {second:?}");
                Some(first)
            },
        );
        seen
    });
    for stage in [
        Stage::Service,
        Stage::Extractors,
        Stage::Handler,
        Stage::Middleware,
    ] {
        assert!(ways.contains(&Some(stage)), "{ways:?}");
    }
}

/// True if `second` is the same stage as `first`, or later in that story. The middleware is around
/// the handler.
fn may_follow(first: Stage, second: Stage) -> bool {
    match first {
        Stage::Service | Stage::Middleware => second != Stage::Service || first == Stage::Service,
        Stage::Extractors => !matches!(second, Stage::Service),
        Stage::Handler => matches!(second, Stage::Handler | Stage::Middleware),
        Stage::Body => false,
    }
}

/// Runs the task of a layer whose handler runs elsewhere, until `future` is ready.
fn work(guard: Guard, future: impl Future<Output = ()>) -> (&'static Slot, Outcome) {
    let task = guard.task();
    let end = block_on(Tracked::new(guard, future));
    task.follow_reached();
    let outcome = match end {
        StageEnd::Done((), guard) => complete(guard),
        StageEnd::Interrupted(guard) => {
            let outcome = guard.interrupt_outcome();
            guard.end(outcome);
            outcome
        }
        StageEnd::Unguarded(()) => unreachable!("it has the guard of its task"),
    };
    (task, outcome)
}

/// The handler tells its route while the request ends: it counts on that or on the layer's, once,
/// and the next task in the slot is not moved.
#[test]
fn a_handler_elsewhere_moves_its_own_request_only() {
    let ways = every_interleaving(TWO_THREADS, || {
        let guard = begin();
        let (slot, id) = (guard.task(), guard.task().id());
        let (_, ()) = at_once(
            move || {
                work(guard, pause());
                let next = begin();
                let task = next.task();
                let is_moved = task.is_signalled() && task.take_signal();
                task.follow_reached();
                assert!(!is_moved && std::ptr::eq(task.route().expect("a request"), of_layer()));
                complete(next)
            },
            move || slot.set_reached(id, route(), None),
        );
        let totals = [of_layer(), route()].map(|route| {
            let seen = route.stats.snapshot();
            assert_eq!(seen.active, 0);
            seen.total()
        });
        assert!([[2, 0], [1, 1]].contains(&totals), "{totals:?}");
        totals
    });
    assert_eq!(ways.len(), 2, "in time and too late: {ways:?}");
}

/// The handler has told its route before its spawner is woken.
#[test]
fn a_request_counts_on_the_route_of_a_handler_that_has_returned() {
    let ways = every_interleaving(TWO_THREADS, || {
        let guard = begin();
        let (slot, id) = (guard.task(), guard.task().id());
        let handler = loom::thread::spawn(move || slot.set_reached(id, route(), None));
        let mut handler = Some(handler);
        let joined = std::future::poll_fn(move |_| {
            let handler = handler.take().expect("polled once");
            handler.join().expect("the handler returns");
            Poll::Ready(())
        });
        let (_, outcome) = work(guard, joined);
        assert_eq!((counts(of_layer()), counts(route())), ((0, 0), (0, 1)));
        outcome
    });
    assert_eq!(ways, [Outcome::Completed]);
}

/// An operator interrupts the request while its handler tells its route: neither is lost.
#[test]
fn an_interrupt_reaches_a_request_whose_handler_is_elsewhere() {
    let ways = every_interleaving(THREE_THREADS, || {
        let (guard, task) = begin_and_find();
        let (slot, id) = (guard.task(), guard.task().id());
        let handler = loom::thread::spawn(move || slot.set_reached(id, route(), None));
        let worker = loom::thread::spawn(move || work(guard, std::future::pending()).1);
        let [report] = interrupt([task], "why");
        handler.join().expect("the handler is done");
        assert_eq!(
            worker.join().expect("the worker ends"),
            Outcome::Interrupted
        );
        assert!(report.is_interrupted());
        (counts(of_layer()).1, counts(route()).1)
    });
    assert!(
        ways.iter().all(|way| [(1, 0), (0, 1)].contains(way)),
        "{ways:?}"
    );
    assert_eq!(ways.len(), 2, "{ways:?}");
}

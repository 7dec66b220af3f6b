//! Stacks, read while the poller commits and other threads remove awaits: each stack that is read
//! was committed.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::http::{Method, Version};

use crate::at::at;
use crate::executor::Kept;
use crate::guard::Guard;
use crate::roles::{
    MANY_READS, at_once, begin, begin_and_find, end, every_interleaving, listed, pause,
};
use crate::routes::route;
use crate::stack::{AwaitPoint, on_one_line};
use crate::sync::{Arc, Mutex};
use crate::task::{NewTask, TaskRef, TaskRequest};
use crate::tracked::Tracked;

macro_rules! points {
    ($($name:ident $line:literal)*) => {
        $(static $name: AwaitPoint = AwaitPoint::new("m", "f", $line, 1, stringify!($name));)*
    };
}

points! { A 1 B 2 C 3 D 4 E 5 }

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

/// Waits at `B` in `A`, then at `D` in `C`: both pairs of awaits use the same keys.
async fn two_pairs() {
    at(at(pause(), &B), &A).await;
    at(at(pause(), &D), &C).await;
}

const FIRST_PAIR: &str = "f:1 A > f:2 B";
const SECOND_PAIR: &str = "f:3 C > f:4 D";

/// The task's stack as it is shown.
fn shown(task: &TaskRef) -> String {
    on_one_line(&task.stack().frames(None))
}

/// A task that is polled manually.
struct Polled<F: Future<Output = ()>>(Kept<Pin<Box<Tracked<F>>>>);

impl<F: Future<Output = ()>> Polled<F> {
    fn new(guard: Guard, future: F) -> Self {
        Polled(Kept::new(Box::pin(Tracked::new(guard, future))))
    }

    /// Polls it once, and ends it if it is ready.
    fn poll(&mut self) {
        let mut nobody = Context::from_waker(Waker::noop());
        if let Poll::Ready(step) = self.0.as_mut().poll(&mut nobody) {
            end(step);
        }
    }
}

/// Two awaits change in one commit.
#[test]
fn every_stack_that_is_read_was_committed() {
    let ways = every_interleaving(MANY_READS, || {
        let (guard, task) = begin_and_find();
        let mut polled = Polled::new(guard, two_pairs());
        polled.poll();
        let (mut polled, stack) = at_once(
            move || {
                polled.poll();
                polled
            },
            move || shown(&task),
        );
        assert_eq!(shown(&task), SECOND_PAIR);
        polled.poll();
        assert_eq!(shown(&task), "", "it has ended");
        stack
    });
    assert_eq!(ways.len(), 2, "{ways:?}");
    for pair in [FIRST_PAIR, SECOND_PAIR] {
        assert!(ways.iter().any(|way| way == pair), "{ways:?}");
    }
}

/// More awaits than fit into the slot: the others are behind its lock.
#[test]
fn a_stack_in_slot_and_tree_is_read_as_one() {
    let ways = every_interleaving(MANY_READS, || {
        let (guard, task) = begin_and_find();
        let deep = at(at(at(at(pause(), &D), &C), &B), &A);
        let mut polled = Polled::new(guard, deep);
        let (mut polled, stack) = at_once(
            move || {
                polled.poll();
                polled
            },
            move || shown(&task),
        );
        polled.poll();
        assert_eq!(shown(&task), "", "it has ended");
        stack
    });
    assert_eq!(ways.len(), 2, "{ways:?}");
    for stack in ["", "f:1 A > f:2 B > f:3 C > f:4 D"] {
        assert!(ways.iter().any(|way| way == stack), "{ways:?}");
    }
}

/// The worker ends the task and begins another in its slot, which reaches an await, too.
#[test]
fn a_stack_is_never_that_of_the_next_task() {
    let ways = every_interleaving(MANY_READS, || {
        let (guard, task) = begin_and_find();
        let mut first = Polled::new(guard, at(pause(), &A));
        first.poll();
        let (second, stack) = at_once(
            move || {
                first.poll();
                let mut second = Polled::new(begin(), at(pending(), &E));
                second.poll();
                second
            },
            move || shown(&task),
        );
        assert_eq!(shown(&task), "");
        let next = listed().pop().expect("the next task is alive");
        assert_eq!(shown(&next), "f:5 E");
        drop(second);
        stack
    });
    assert_eq!(ways.len(), 2, "before and after the end: {ways:?}");
    for stack in ["f:1 A", ""] {
        assert!(ways.iter().any(|way| way == stack), "{ways:?}");
    }
}

/// The first task is dropped at its await, and the next one has no await.
#[test]
fn the_next_task_has_no_await_of_the_previous_one() {
    let ways = every_interleaving(MANY_READS, || {
        let (guard, task) = begin_and_find();
        let mut first = Polled::new(guard, at(pending(), &A));
        first.poll();
        let (second, seen) = at_once(
            move || {
                drop(first);
                begin().into_task()
            },
            move || {
                let found = listed();
                found
                    .first()
                    .map(|found| (found.id == task.id, shown(found)))
            },
        );
        let next = listed().pop().expect("it is alive");
        assert_eq!(
            (next.id.number(), shown(&next)),
            (second.id(), String::new())
        );
        seen
    });
    assert!(ways.contains(&Some((true, "f:1 A".to_owned()))), "{ways:?}");
    assert!(ways.contains(&Some((false, String::new()))), "{ways:?}");
    let stale =
        |seen: &Option<(bool, String)>| matches!(seen, Some((false, stack)) if !stack.is_empty());
    assert!(!ways.iter().any(stale), "{ways:?}");
}

/// Holds a future that a task polled once, for another thread to drop.
#[derive(Clone, Default)]
struct GivenAway(Arc<Mutex<Option<Boxed>>>);

impl GivenAway {
    fn put(&self, future: Boxed) {
        *self.0.lock() = Some(future);
    }

    /// True if it was present.
    fn drop_it(&self) -> bool {
        let future = self.0.lock().take();
        let is_there = future.is_some();
        drop(future);
        is_there
    }
}

/// Reaches `A` in a future that it gives away, then waits at `E` and at `D`.
async fn gives_away(given: GivenAway) {
    let mut future: Boxed = Box::pin(at(pending(), &A));
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await;
    given.put(future);
    at(pause(), &E).await;
    at(pause(), &D).await;
}

/// Another thread drops a future whose await is committed.
#[test]
fn an_await_dropped_on_another_thread_is_not_shown_again() {
    let ways = every_interleaving(MANY_READS, || {
        let (guard, task) = begin_and_find();
        let given = GivenAway::default();
        let mut polled = Polled::new(guard, gives_away(given.clone()));
        polled.poll();
        assert_eq!(shown(&task), "[f:1 A | f:5 E]");
        let (mut polled, stack) = at_once(
            move || {
                polled.poll();
                polled
            },
            move || {
                assert!(given.drop_it());
                shown(&task)
            },
        );
        assert_eq!(shown(&task), "f:4 D");
        polled.poll();
        stack
    });
    assert_eq!(ways.len(), 2, "{ways:?}");
    for stack in ["f:5 E", "f:4 D"] {
        assert!(ways.iter().any(|way| way == stack), "{ways:?}");
    }
}

/// Another thread drops a future whose await is about to be committed.
#[test]
fn an_await_dropped_before_its_commit_is_not_shown() {
    let ways = every_interleaving(MANY_READS, || {
        let (guard, task) = begin_and_find();
        let given = GivenAway::default();
        let mut polled = Polled::new(guard, gives_away(given.clone()));
        let late = given.clone();
        let (mut polled, (is_dropped, stack)) = at_once(
            move || {
                polled.poll();
                polled.poll();
                polled
            },
            move || {
                let is_dropped = given.drop_it();
                let stack = shown(&task);
                assert!(!is_dropped || !stack.contains('A'), "{stack}");
                (is_dropped, stack)
            },
        );
        late.drop_it();
        assert_eq!(shown(&task), "f:4 D");
        polled.poll();
        (is_dropped, stack)
    });
    for stack in ["", "f:5 E", "f:4 D"] {
        assert!(ways.contains(&(true, stack.to_owned())), "{ways:?}");
    }
    assert_eq!(ways.iter().filter(|(is_dropped, _)| *is_dropped).count(), 3);
}

/// Another thread drops a future while its task ends and another reuses the slot, with an await
/// under the same key.
#[test]
fn an_await_dropped_late_does_not_affect_the_next_task() {
    let ways = every_interleaving(MANY_READS, || {
        let (guard, task) = begin_and_find();
        let given = GivenAway::default();
        let mut first = Polled::new(guard, gives_away(given.clone()));
        first.poll();
        first.poll();
        let (second, stack) = at_once(
            move || {
                first.poll();
                let mut new = NewTask::request(route(), Version::HTTP_11);
                new.set_method(&Method::PUT);
                let mut second = Polled::new(Guard::new(new.begin()), at(pending(), &E));
                second.poll();
                second
            },
            move || {
                assert!(given.drop_it());
                shown(&task)
            },
        );
        let next = listed().pop().expect("the next task is alive");
        assert_eq!(shown(&next), "f:5 E");
        let read = next.read().expect("it is alive");
        assert_eq!(read.request().map(TaskRequest::method), Some(&Method::PUT));
        drop(second);
        stack
    });
    assert_eq!(ways.len(), 2, "before and after the end: {ways:?}");
    for stack in ["f:4 D", ""] {
        assert!(ways.iter().any(|way| way == stack), "{ways:?}");
    }
}

/// A waiting task is dropped while an operator reads its stack.
#[test]
fn a_waiting_task_shows_its_await_until_it_is_gone() {
    let ways = every_interleaving(MANY_READS, || {
        let (guard, task) = begin_and_find();
        let mut tracked = Box::pin(Tracked::new(guard, async { at(pause(), &A).await }));
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(tracked.as_mut().poll(&mut nobody).is_pending());
        let ((), seen) = at_once(
            move || drop(tracked),
            move || {
                let is_shown = !task.stack().frames(None).is_empty();
                assert!(is_shown || task.is_gone(), "alive and at no await");
                is_shown
            },
        );
        seen
    });
    assert_eq!(ways.len(), 2, "before and after its end");
}

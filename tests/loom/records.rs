//! Records of tasks, read while the worker ends a task and begins another one in the same slot: all
//! of one task, or nothing.

use std::net::SocketAddr;

use axum::http::{Method, StatusCode, Version};

use crate::clock;
use crate::guard::Guard;
use crate::roles::{
    BEGIN, MANY_READS, THREE_THREADS, TWO_THREADS, at_once, begin_and_find, complete,
    every_interleaving, listed,
};
use crate::routes::route;
use crate::stats::Outcome;
use crate::task::{MetaField, NewTask, TaskKind, TaskRef, TaskState, give_slots_back};

/// The two tasks, which have nothing in common but the route.
#[derive(Clone, Copy)]
struct Story {
    version: Version,
    remote: &'static str,
    second: u64,
}

const FIRST: Story = Story {
    version: Version::HTTP_11,
    remote: "203.0.113.1:1",
    second: BEGIN,
};

const SECOND: Story = Story {
    version: Version::HTTP_2,
    remote: "203.0.113.2:2",
    second: BEGIN + 1,
};

impl Story {
    fn new_task(&self) -> NewTask {
        clock::set(self.second);
        let mut new = NewTask::request(route(), self.version);
        new.set_remote(&self.address());
        new
    }

    fn begin(&self) -> Guard {
        Guard::new(self.new_task().begin())
    }

    fn address(&self) -> SocketAddr {
        self.remote.parse().expect("an address")
    }

    /// What was read is of this task.
    fn check(&self, task: &TaskRef) -> bool {
        assert_eq!(task.started.second(), self.second);
        let Some(read) = task.read() else {
            return false;
        };
        let request = read.request().expect("it is a request");
        assert_eq!(request.version, self.version);
        assert_eq!(request.remote, Some(self.address()));
        true
    }
}

/// The operator has found the first task, and reads it.
#[test]
fn a_record_is_all_of_the_task_that_was_found_or_nothing() {
    let ways = every_interleaving(MANY_READS, || {
        let first = FIRST.begin();
        let task = listed().pop().expect("it lives");
        let ((), read) = at_once(
            move || {
                complete(first);
                complete(SECOND.begin());
            },
            move || FIRST.check(&task),
        );
        assert!(task.read().is_none() && task.is_gone());
        read
    });
    assert_eq!(ways.len(), 2, "in time, and too late: {ways:?}");
}

/// The operator lists the tasks.
#[test]
fn a_list_of_tasks_never_has_one_that_was_not_there() {
    let ways = every_interleaving(TWO_THREADS, || {
        let first = FIRST.begin();
        let id = first.task().id();
        at_once(
            move || {
                complete(first);
                SECOND.begin().into_task()
            },
            move || {
                let listed = listed();
                let listed: Vec<bool> = listed
                    .iter()
                    .map(|task| {
                        let is_first = task.id.number() == id;
                        let story = if is_first { FIRST } else { SECOND };
                        assert_eq!(task.started.second(), story.second);
                        is_first
                    })
                    .collect();
                listed
            },
        )
        .1
    });
    let lists: [&[bool]; 3] = [&[true], &[], &[false]];
    assert!(lists.iter().all(|list| ways.iter().any(|way| way == list)));
    assert_eq!(ways.len(), 3, "{ways:?}");
}

/// What the poller counts is of the same task: the first one was polled twice and waits, the second
/// one is in its first poll.
#[test]
fn a_state_is_of_the_task_that_was_found() {
    let ways = every_interleaving(TWO_THREADS, || {
        let first = FIRST.begin();
        let task = listed().pop().expect("it lives");
        let (_, state) = at_once(
            move || {
                complete(first);
                let second = SECOND.begin();
                second.task().begin_poll();
                second.into_task()
            },
            move || {
                let state = task.state();
                assert!(
                    matches!(state, None | Some(TaskState::Waiting)),
                    "{state:?}"
                );
                state
            },
        );
        state.is_some()
    });
    assert_eq!(ways.len(), 2, "in time, and too late: {ways:?}");
}

/// The first worker ends the first task, and another one begins the second: what one of them wrote
/// before the slot changed hands is not what the other writes after it.
#[test]
fn a_record_is_whole_where_another_worker_begins_the_next_task() {
    let ways = every_interleaving(THREE_THREADS, || {
        let first = FIRST.begin();
        let slot = first.task();
        let task = listed().pop().expect("it lives");
        let one = loom::thread::spawn(move || {
            complete(first);
            give_slots_back();
        });
        let other = loom::thread::spawn(move || {
            let second = SECOND.begin().into_task();
            std::ptr::eq(slot, second)
        });
        let operator = loom::thread::spawn(move || FIRST.check(&task));
        one.join().expect("the worker ends");
        let is_same = other.join().expect("the other worker goes on");
        let read = operator.join().expect("the operator is done");
        (is_same, read)
    });
    let both = [(true, true), (true, false)];
    assert!(both.iter().all(|way| ways.contains(way)), "{ways:?}");
}

/// What the client said is beside the slot, and goes from task to task with it.
#[test]
fn what_a_client_said_is_shown_of_no_other_request() {
    let ways = every_interleaving(MANY_READS, || {
        let said = |story: Story, id: &'static [u8]| {
            let mut new = story.new_task();
            new.set_meta(&[None, Some(id), None, None]);
            Guard::new(new.begin())
        };
        let first = said(FIRST, b"first");
        let task = listed().pop().expect("it lives");
        let (_, read) = at_once(
            move || {
                complete(first);
                said(SECOND, b"second-request").into_task()
            },
            move || {
                task.read().map(|read| match read.kind {
                    TaskKind::Request(request) => {
                        let id = request.field(MetaField::OpaqueId);
                        assert_eq!(id.as_deref(), Some("first"));
                    }
                    TaskKind::Background(_) => panic!("it is a request"),
                })
            },
        );
        read.is_some()
    });
    assert_eq!(ways.len(), 2, "in time, and too late: {ways:?}");
}

/// What few tasks have is behind the slot's lock.
#[test]
fn what_few_tasks_have_is_of_the_same_task() {
    let ways = every_interleaving(TWO_THREADS, || {
        let with_method = |story: Story, method: &Method| {
            let mut new = story.new_task();
            new.set_method(method);
            Guard::new(new.begin())
        };
        let first = with_method(FIRST, &Method::POST);
        let task = listed().pop().expect("it lives");
        let (_, read) = at_once(
            move || {
                complete(first);
                with_method(SECOND, &Method::PUT).into_task()
            },
            move || {
                task.read().map(|read| {
                    let request = read.request().expect("it is a request");
                    assert_eq!(request.version, FIRST.version);
                    assert_eq!(request.method(), Method::POST);
                })
            },
        );
        read.is_some()
    });
    assert_eq!(ways.len(), 2, "in time, and too late: {ways:?}");
}

/// A streaming response, whose task ends while an operator reads what was sent.
#[test]
fn a_response_that_streams_is_never_seen_to_have_sent_nothing() {
    let ways = every_interleaving(TWO_THREADS, || {
        let (guard, task) = begin_and_find();
        guard.begin_streaming(StatusCode::OK);
        guard.task().add_bytes_sent(100);
        let end = move || guard.end(Outcome::Completed);
        let ((), seen) = at_once(end, move || task.read());
        let seen = seen.map(|seen| (seen.state, seen.bytes_sent));
        if let Some(seen) = seen {
            assert_eq!(seen, (TaskState::Streaming, Some(100)));
        }
        seen.is_some()
    });
    assert_eq!(ways.len(), 2, "before its end, and after it");
}

//! Records of tasks, read while the worker ends a task and begins another one in the same slot: a
//! record that is read is that of one task.

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

/// The properties of the two tasks, which have only the route in common.
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

    /// Checks that a record is that of this task. False if it could not be read.
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

/// The operator has listed the first task and reads it.
#[test]
fn a_record_is_of_the_listed_task_or_not_read() {
    let ways = every_interleaving(MANY_READS, || {
        let first = FIRST.begin();
        let task = listed().pop().expect("it is alive");
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
    assert_eq!(ways.len(), 2, "in time and too late: {ways:?}");
}

/// The operator lists all tasks.
#[test]
fn every_listed_task_existed() {
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

/// The state is that of the listed task: the first task waits, the second is in its first poll.
#[test]
fn a_state_is_of_the_listed_task() {
    let ways = every_interleaving(TWO_THREADS, || {
        let first = FIRST.begin();
        let task = listed().pop().expect("it is alive");
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
    assert_eq!(ways.len(), 2, "in time and too late: {ways:?}");
}

/// The first worker ends the first task, and another one begins the second in the same slot: a
/// record never mixes the writes of both.
#[test]
fn a_record_is_consistent_if_another_worker_reuses_the_slot() {
    let ways = every_interleaving(THREE_THREADS, || {
        let first = FIRST.begin();
        let slot = first.task();
        let task = listed().pop().expect("it is alive");
        let one = loom::thread::spawn(move || {
            complete(first);
            give_slots_back();
        });
        let other = loom::thread::spawn(move || {
            let second = SECOND.begin().into_task();
            std::ptr::eq(slot, second)
        });
        let operator = loom::thread::spawn(move || FIRST.check(&task));
        one.join().expect("the worker is done");
        let is_same = other.join().expect("the other worker is done");
        let read = operator.join().expect("the operator is done");
        (is_same, read)
    });
    let both = [(true, true), (true, false)];
    assert!(both.iter().all(|way| ways.contains(way)), "{ways:?}");
}

/// The buffer for the URI and the headers is reused with its slot.
#[test]
fn request_meta_is_never_that_of_another_request() {
    let ways = every_interleaving(MANY_READS, || {
        let said = |story: Story, id: &'static [u8]| {
            let mut new = story.new_task();
            new.set_meta(&[None, Some(id), None, None]);
            Guard::new(new.begin())
        };
        let first = said(FIRST, b"first");
        let task = listed().pop().expect("it is alive");
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
    assert_eq!(ways.len(), 2, "in time and too late: {ways:?}");
}

/// Rare properties are behind the slot's lock.
#[test]
fn rare_properties_are_of_the_listed_task() {
    let ways = every_interleaving(TWO_THREADS, || {
        let with_method = |story: Story, method: &Method| {
            let mut new = story.new_task();
            new.set_method(method);
            Guard::new(new.begin())
        };
        let first = with_method(FIRST, &Method::POST);
        let task = listed().pop().expect("it is alive");
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
    assert_eq!(ways.len(), 2, "in time and too late: {ways:?}");
}

/// A task with a streaming response ends while an operator reads the number of bytes sent.
#[test]
fn a_streaming_response_never_shows_zero_bytes_sent() {
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
    assert_eq!(ways.len(), 2, "before and after its end");
}

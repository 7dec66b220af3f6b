//! Guards are claimed no longer than they live: handlers of many shapes are polled by hand, and
//! after each poll the guards that a table shows at a line are no more than those that live and
//! were taken there. The guards count themselves.
//!
//! Each shape has the number of guards that lived after a poll and were not claimed.

#![allow(
    unused,
    dropping_copy_types,
    clippy::all,
    clippy::pedantic,
    unused_qualifications,
    reason = "shapes that people write"
)]

mod captures;
mod fake;
mod generated;
mod helpers;
mod limits;
mod locks;
mod macros;
mod methods;
mod moves;
mod patterns;
mod scopes;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard as TurnGuard, PoisonError};
use std::task::{Context, Poll};

use axum::Router;
use axum::routing::get;
use underscore_runtime::{underscore_frame, underscore_route};

use self::fake::{
    ELSEWHERE, Keeper, Line, MutexGuard, Pool, both, consume, consumes, either_way, keep, lock,
    permit, poll_some, returns, take, tick, tick_and, try_it, uses, waits, waits_twice, write, yes,
};
use crate::admin::Operator;
use crate::hand;

/// A handler, and the number of guards after polls that it does not claim.
struct Shape {
    name: &'static str,
    router: Router,
    unclaimed: usize,
}

macro_rules! shapes {
    ($($name:ident $unclaimed:literal,)*) => {
        pub(super) fn shapes() -> Vec<Shape> {
            vec![$(Shape {
                name: stringify!($name),
                router: Router::new().route("/", get($name)),
                unclaimed: $unclaimed,
            }),*]
        }
    };
}

/// The line at which a guard is taken.
macro_rules! here {
    () => {
        (file!(), line!())
    };
}

/// A macro that moves what it is given.
macro_rules! own {
    ($value:expr) => {
        std::convert::identity($value)
    };
}

macro_rules! gone {
    ($guard:expr) => {
        drop($guard)
    };
}
use gone;

use {here, own, shapes};

/// The guards by the lines at which they were taken.
type Lines = BTreeMap<String, usize>;

/// The tests of this module share the counts of guards.
fn turn() -> TurnGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    fake::forget_all();
    turn
}

/// The guards that tasks are shown to hold.
fn claimed() -> Lines {
    let rows = Operator::connect().rows("_cat/tasks?format=json&h=holding");
    let mut claimed = Lines::new();
    for row in rows {
        let text = row["holding"].as_str().unwrap_or_default();
        for part in text.split("truth/guards/").skip(1) {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && !"._:".contains(c));
            let line = part.get(..end.unwrap_or(part.len())).expect("ASCII");
            *claimed.entry(line.to_owned()).or_default() += 1;
        }
    }
    claimed
}

/// What was seen of a handler.
struct Played {
    /// Claims that were false.
    wrong: Vec<String>,
    /// The number of guards after polls, and of those that were not claimed.
    seen: usize,
    unclaimed: usize,
}

/// Polls a handler to its end, or this often.
fn play(name: &str, router: &Router, polls: usize) -> Played {
    let mut sent = hand::send(router);
    let mut played = Played {
        wrong: Vec::new(),
        seen: 0,
        unclaimed: 0,
    };
    for poll in 1..=polls {
        assert!(poll < 1_000, "{name} does not end");
        let is_ready = hand::poll(&mut sent).is_ready();
        let live = fake::live();
        let claimed = claimed();
        for (line, claims) in &claimed {
            // At another line, a helper took it, or it is one of several values of an expression.
            if live.get(line).is_some_and(|lives| claims > lives) {
                let wrong = format!("poll {poll}: {claims} at {line} of {live:?}");
                played.wrong.push(wrong);
            }
        }
        let (lives, claims): (usize, usize) = (live.values().sum(), claimed.values().sum());
        if claims > lives {
            let wrong = format!("poll {poll}: {claimed:?} of {live:?}");
            played.wrong.push(wrong);
        }
        played.seen += lives;
        played.unclaimed += lives.saturating_sub(claims);
        if is_ready {
            break;
        }
    }
    played
}

#[test]
fn what_is_claimed_lives() {
    let _turn = turn();
    let all = [
        captures::shapes(),
        helpers::shapes(),
        macros::shapes(),
        methods::shapes(),
        moves::shapes(),
        patterns::shapes(),
        scopes::shapes(),
    ];
    let mut failed = Vec::new();
    let (mut all_seen, mut all_unclaimed) = (0, 0);
    for shape in all.into_iter().flatten() {
        fake::forget_all();
        let Played {
            wrong,
            seen,
            unclaimed,
        } = play(shape.name, &shape.router, usize::MAX);
        all_seen += seen;
        all_unclaimed += unclaimed;
        if !wrong.is_empty() || unclaimed != shape.unclaimed {
            failed.push(format!(
                "{} {unclaimed}/{seen} unclaimed {wrong:?}",
                shape.name
            ));
        }
    }
    assert!(
        failed.is_empty(),
        "{all_unclaimed} of {all_seen} unclaimed; {failed:#?}"
    );
}

/// What docs/guards.md names as limits.
#[test]
fn a_callee_that_replaces_or_takes_a_guard_is_not_seen() {
    let _turn = turn();
    for shape in limits::shapes() {
        fake::forget_all();
        let Played {
            wrong, unclaimed, ..
        } = play(shape.name, &shape.router, usize::MAX);
        assert!(!wrong.is_empty(), "{}", shape.name);
        assert_eq!(unclaimed, shape.unclaimed, "{}", shape.name);
    }
}

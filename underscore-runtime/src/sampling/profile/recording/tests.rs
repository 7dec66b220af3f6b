//! The sums of a recording.

use super::*;
use crate::routes::{HandlerEntry, RouteEntry};
use crate::stack::AwaitPoint;
use axum::http::Method;

static HANDLER: HandlerEntry = HandlerEntry::new("m::f", "f.rs", 1, 1);
static OTHER: HandlerEntry = HandlerEntry::new("m::g", "g.rs", 1, 1);
static OUTER: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 1, 1, "outer()");
static LEFT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 2, 1, "left()");
static RIGHT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 3, 1, "right()");

const TICK: Duration = Duration::from_millis(33);

fn paths(points: &[&[&'static AwaitPoint]]) -> Arc<[AwaitPath]> {
    points.iter().copied().map(Box::from).collect()
}

/// A tick that completes a pass.
fn tick(millis: u64) -> Tick {
    Tick {
        at: Instant::from_nanos(millis * 1_000_000),
        requests_seen: 1,
        requests_sampled: 1,
        ends_a_pass: true,
        is_continuous: true,
    }
}

fn started(filter: Filter) -> Recording {
    let mut recording = Recording::new(filter);
    recording.end_of_tick(&tick(0));
    recording
}

fn add(recording: &mut Recording, is_running: bool, paths: &Arc<[AwaitPath]>) {
    let route = HANDLER.route(&Method::GET, Some("/f"));
    recording.add(&Sample {
        route,
        is_running,
        paths,
        time: TICK,
    });
}

/// The lines of each stack's points, and its time.
fn stacks(profile: &Profile) -> Vec<(Vec<String>, bool, Duration)> {
    let stacks = profile.stacks.iter();
    let stack = |stack: &ProfileStack| {
        let points = stack.path.iter().map(ToString::to_string).collect();
        (points, stack.is_running, stack.weight.time)
    };
    stacks.map(stack).collect()
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

#[test]
fn samples_at_the_same_awaits_are_one_stack_and_the_heaviest_is_first() {
    let mut recording = started(Filter::default());
    let (left, right) = (paths(&[&[&OUTER, &LEFT]]), paths(&[&[&RIGHT]]));
    add(&mut recording, false, &right);
    add(&mut recording, false, &left);
    add(&mut recording, false, &left);
    // Other addresses with the same content.
    add(&mut recording, false, &paths(&[&[&OUTER, &LEFT]]));
    add(&mut recording, true, &left);
    add(&mut recording, false, &paths(&[]));
    recording.end_of_tick(&Tick {
        requests_seen: 7,
        requests_sampled: 6,
        ..tick(33)
    });
    let profile = recording.into_profile();
    assert_eq!(
        stacks(&profile),
        [
            (lines(&["f.rs:1", "f.rs:2"]), false, 3 * TICK),
            (lines(&[]), false, TICK),
            (lines(&["f.rs:3"]), false, TICK),
            (lines(&["f.rs:1", "f.rs:2"]), true, TICK),
        ]
    );
    assert_eq!(
        (profile.length, profile.ticks, profile.passes),
        (TICK, 1, 1)
    );
    assert_eq!((profile.requests_seen, profile.requests_sampled), (7, 6));
    let recorded = Weight {
        time: 6 * TICK,
        samples: 6,
    };
    assert_eq!(profile.recorded, recorded);
}

#[test]
fn the_time_of_a_request_in_several_branches_is_divided_among_them() {
    let mut recording = started(Filter::default());
    let branches = paths(&[&[&OUTER, &LEFT], &[&OUTER, &RIGHT], &[&RIGHT]]);
    let route = HANDLER.route(&Method::GET, Some("/f"));
    recording.add(&Sample {
        route,
        is_running: false,
        paths: &branches,
        time: Duration::from_nanos(100),
    });
    let profile = recording.into_profile();
    let times: Vec<u128> = profile
        .stacks
        .iter()
        .map(|stack| stack.weight.time.as_nanos())
        .collect();
    assert_eq!(times, [34, 33, 33]);
    assert!(profile.stacks.iter().all(|stack| stack.weight.samples == 1));
    assert_eq!(profile.recorded.time.as_nanos(), 100);
    assert_eq!(profile.recorded.samples, 1);
}

#[test]
fn samples_before_the_end_of_the_first_tick_are_of_the_time_before_the_profile() {
    let mut recording = Recording::new(Filter::default());
    add(&mut recording, false, &paths(&[&[&LEFT]]));
    recording.end_of_tick(&tick(0));
    let profile = recording.into_profile();
    assert_eq!((profile.ticks, profile.requests_seen), (0, 0));
    assert!(profile.stacks.is_empty());
}

/// Holds 11.4, 11.5 of docs/admin-api.md.
#[test]
fn a_filter_selects_routes_and_states() {
    let entry = |handler: &'static HandlerEntry, route| RouteEntry {
        id: "00000000".parse().expect("an id"),
        handler,
        route,
    };
    let route = HANDLER.route(&Method::GET, Some("/f"));
    let other = HANDLER.route(&Method::GET, Some("/other"));
    let cases = [
        (vec![entry(&HANDLER, Some(route))], None, 2),
        (vec![entry(&HANDLER, Some(other))], None, 0),
        (vec![entry(&HANDLER, None)], None, 2),
        (vec![entry(&OTHER, None)], None, 0),
        (vec![], None, 0),
        (vec![entry(&HANDLER, None)], Some(true), 1),
    ];
    for (routes, is_running, recorded) in cases {
        let mut recording = started(Filter {
            routes: Some(routes),
            is_running,
        });
        let left = paths(&[&[&LEFT]]);
        add(&mut recording, false, &left);
        add(&mut recording, true, &left);
        assert_eq!(recording.into_profile().recorded.samples, recorded);
    }
}

#[test]
fn stacks_beyond_the_limit_are_one_rest() {
    let mut recording = started(Filter::default());
    let points: Vec<&'static AwaitPoint> = (0..200)
        .map(|line| &*Box::leak(Box::new(AwaitPoint::new("m::f", "f.rs", line, 1, "f()"))))
        .collect();
    let pairs = points
        .iter()
        .flat_map(|one| points.iter().map(move |other| [*one, *other]));
    let most = MAX_STACKS + 3_000;
    for pair in pairs.take(most) {
        add(&mut recording, false, &paths(&[&pair]));
        assert!(recording.recent_paths <= MAX_STACKS);
    }
    let profile = recording.into_profile();
    assert_eq!(profile.stacks.len(), MAX_STACKS);
    assert_eq!(profile.rest.samples, 3_000);
    assert_eq!(profile.recorded.samples, most as u64);
    let all: Duration = profile.stacks.iter().map(|stack| stack.weight.time).sum();
    assert_eq!(all + profile.rest.time, profile.recorded.time);
}

/// Chunks that a pass looks at in turn, each with a request that waits all the time.
#[test]
fn the_time_of_a_pass_of_several_ticks_is_that_of_its_requests() {
    const CHUNKS: u64 = 11;
    for (first, ticks) in [(0, 30), (3, 30), (7, 41), (5, 4)] {
        let mut recording = started(Filter::default());
        let waits = paths(&[&[&LEFT]]);
        for number in 1..=ticks {
            // One chunk each tick, whose last look was a pass ago.
            let route = HANDLER.route(&Method::GET, Some("/f"));
            let is_last = (first + number) % CHUNKS == 0;
            recording.add(&Sample {
                route,
                is_running: false,
                paths: &waits,
                time: TICK * u32::try_from(CHUNKS).expect("few"),
            });
            recording.end_of_tick(&Tick {
                ends_a_pass: is_last,
                ..tick(33 * number)
            });
        }
        let profile = recording.into_profile();
        assert_eq!(
            profile.length * u32::try_from(CHUNKS).expect("few"),
            profile.recorded.time
        );
    }
}

#[test]
fn time_without_a_sampler_is_not_part_of_the_length() {
    let mut recording = started(Filter::default());
    let paths = paths(&[&[&RIGHT]]);
    add(&mut recording, false, &paths);
    recording.end_of_tick(&tick(33));
    recording.end_of_tick(&Tick {
        is_continuous: false,
        ..tick(10_033)
    });
    add(&mut recording, false, &paths);
    recording.end_of_tick(&tick(10_066));
    let profile = recording.into_profile();
    assert_eq!(
        (profile.length, profile.recorded.time),
        (2 * TICK, 2 * TICK)
    );
    assert_eq!(profile.ticks, 2);
}

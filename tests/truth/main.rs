//! What the admin API shows of requests is what happened, in any order of events. `play` runs
//! generated schedules on a real router and on a `model`; `storm` runs threads without an order.
//! `guards` compares the guards that tasks hold with those that live, `layers` has requests in a
//! layer around the router. Misbehaving futures and wakers are in `misbehaving`, `between_polls`
//! and `reentrant`, requests over real connections in the other files.

#![allow(missing_docs, unreachable_pub)]

mod admin;
mod between_polls;
mod bodies;
mod children;
mod ends;
mod flight;
mod guards;
mod hand;
mod inflight;
mod layers;
mod misbehaving;
mod model;
mod play;
mod reentrant;
mod script;
mod slow_clients;
mod storm;
mod streaming;
#[path = "../support/mod.rs"]
mod support;
mod websocket;

use play::{Event, Finale, Lever, Play};
use proptest::prelude::*;
use script::{Piece, Step};

/// All classes of statuses, an undefined one, and statuses without a body.
fn status() -> impl Strategy<Value = u16> {
    prop::sample::select(vec![200, 204, 302, 304, 404, 500, 999])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Wait),
        1 => Just(Step::WakeAndWait),
        3 => Just(Step::Extract),
        2 => status().prop_map(Step::Answer),
        4 => status().prop_map(Step::Stream),
        1 => status().prop_map(Step::Reject),
        1 => Just(Step::Panic),
    ]
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        3 => Just(Piece::Wait),
        3 => Just(Piece::Data),
        1 => Just(Piece::Last),
        1 => Just(Piece::Trailers),
        1 => Just(Piece::End),
        1 => Just(Piece::Error),
        1 => Just(Piece::Panic),
    ]
}

fn lever() -> impl Strategy<Value = Lever> {
    prop_oneof![
        prop::option::of(prop::sample::select(vec![204, 418, 503])).prop_map(Lever::Preempt),
        prop::option::of(0..3_u64).prop_map(Lever::MostActive),
        any::<bool>().prop_map(Lever::Slow),
        any::<bool>().prop_map(Lever::Timeout),
        any::<bool>().prop_map(Lever::Delay),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let number = || 0..8_usize;
    prop_oneof![
        5 => number().prop_map(Event::Begin),
        12 => (number(), step(), piece()).prop_map(|(number, step, piece)| Event::Poll(number, step, piece)),
        2 => number().prop_map(Event::Drop),
        1 => number().prop_map(Event::Interrupt),
        1 => number().prop_map(Event::Cancel),
        2 => (number(), lever()).prop_map(|(route, lever)| Event::Set(route, lever)),
        1 => Just(Event::PassTime),
    ]
}

fn finale() -> impl Strategy<Value = Finale> {
    prop_oneof![
        Just(Finale::Drop),
        any::<bool>().prop_map(|polled| Finale::Shutdown { polled }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        // A failing schedule is printed; no file of regressions is written.
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    })]

    #[test]
    fn the_counters_agree_with_the_model_after_every_event(
        events in prop::collection::vec(event(), 1..30),
        finale in finale(),
    ) {
        let mut play = Play::new();
        for event in &events {
            play.happens(event);
        }
        play.end(finale);
    }
}

//! The formats of one profile.

use std::io::Read;
use std::time::Duration;

use axum::http::Method;
use flate2::read::GzDecoder;
use prost::Message;

use super::proto::Function;
use super::{folded, pprof, proto, structure, svg};
use crate::admin::render::Node;
use crate::routes::HandlerEntry;
use crate::sampling::profile::{MAX_STACKS, Profile, ProfileStack, Weight};
use crate::stack::AwaitPoint;

static HANDLER: HandlerEntry = HandlerEntry::new("m::f", "f.rs", 1, 1);
static OUTER: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 1, 1, "outer([0; 2],\n    \"<&>\")");
static INNER: AwaitPoint = AwaitPoint::new("m::g", "g.rs", 7, 1, "pair . 0");

fn weight(millis: u64) -> Weight {
    Weight {
        time: Duration::from_millis(millis),
        samples: millis / 33,
    }
}

fn profile() -> Profile {
    let stack = |path: &[&'static AwaitPoint], is_running, millis| ProfileStack {
        route: HANDLER.route(&Method::GET, Some("/f;g")),
        is_running,
        path: path.into(),
        weight: weight(millis),
    };
    Profile {
        length: Duration::from_secs(2),
        ticks: 60,
        passes: 60,
        requests_seen: 240,
        requests_sampled: 120,
        recorded: weight(1_000),
        stacks: vec![
            stack(&[&OUTER, &INNER], false, 660),
            stack(&[&OUTER], true, 165),
            stack(&[], false, 99),
            stack(&[], true, 66),
        ],
        rest: weight(10),
    }
}

/// Holds 11.6, 11.10, 11.12 of docs/admin-api.md.
#[test]
fn folded_stacks_have_one_separator_between_frames_and_one_number() {
    assert_eq!(
        folded::write(&profile()),
        "# 2.00s, 60 passes, 50% of the requests looked at, 30 samples, 1.0 request-seconds, 0.5 requests at a time\n\
         GET /f,g;m::f f.rs:1 outer([0, 2], \"<&>\");m::g g.rs:7 pair . 0.await 660\n\
         GET /f,g;m::f f.rs:1 outer([0, 2], \"<&>\");(running) 165\n\
         GET /f,g;(at no known await) 99\n\
         GET /f,g;(running) 66\n\
         (beyond 10000 stacks) 10\n"
    );
}

/// Holds 11.8 of docs/admin-api.md.
#[test]
fn a_profile_of_pprof_has_a_function_for_each_await() {
    let mut bytes = Vec::new();
    let compressed = pprof::write(&profile());
    let mut decoder = GzDecoder::new(&*compressed);
    decoder.read_to_end(&mut bytes).expect("it is compressed");
    let read = proto::Profile::decode(&*bytes).expect("it is a profile");
    let text = |index: i64| &*read.string_table[usize::try_from(index).expect("an index")];
    assert_eq!(text(0), "");
    let types: Vec<_> = read
        .sample_type
        .iter()
        .map(|it| (text(it.r#type), text(it.unit)))
        .collect();
    assert_eq!(
        types,
        [("samples", "count"), ("request_time", "nanoseconds")]
    );
    assert_eq!(text(read.default_sample_type), "request_time");
    assert_eq!(read.duration_nanos, 2_000_000_000);
    assert_eq!(read.period, 33_333_333);
    assert!(text(read.comment[0]).contains("60 passes"));
    let function = |location: u64| -> &Function {
        let mut locations = read.location.iter();
        let location = locations.find(|it| it.id == location).expect("it is there");
        let id = location.line[0].function_id;
        read.function
            .iter()
            .find(|it| it.id == id)
            .expect("it is there")
    };
    let sample = &read.sample[0];
    assert_eq!(sample.value, [20, 660_000_000]);
    let names: Vec<&str> = sample
        .location_id
        .iter()
        .map(|id| text(function(*id).name))
        .collect();
    assert_eq!(
        names,
        [
            "m::g g.rs:7 pair . 0.await",
            "m::f f.rs:1 outer([0, 2], \"<&>\")",
            "GET /f,g"
        ]
    );
    let inner = function(sample.location_id[0]);
    assert_eq!(
        (
            text(inner.system_name),
            text(inner.filename),
            inner.start_line
        ),
        ("m::g", "g.rs", 7)
    );
    let labels: Vec<_> = sample
        .label
        .iter()
        .map(|it| (text(it.key), text(it.str)))
        .collect();
    assert_eq!(labels, [("route", "GET /f;g"), ("type", "wait")]);
    // Each frame once, whatever the number of its stacks.
    assert_eq!(read.function.len(), 6);
}

/// Holds 11.7, 11.12 of docs/admin-api.md.
#[test]
fn a_flame_graph_has_the_outermost_frame_on_top_and_escapes_texts() {
    let svg = svg::write(&profile());
    let all = svg
        .find("<title>all requests (1000 ms, 100.0 %)")
        .expect("the sum");
    let route = svg
        .find("<title>GET /f,g (990 ms, 99.0 %)")
        .expect("a route");
    assert!(all < route);
    assert!(
        svg.contains("outer([0, 2], \"&lt;&amp;&gt;\") (825 ms, 82.5 %)</title>"),
        "{svg}"
    );
    assert!(
        svg.contains("x=\"0.0000%\" y=\"77\" width=\"99.0000%\""),
        "{svg}"
    );
    assert!(
        !svg::SCRIPT.contains(['<', '&']),
        "it stands in an XML document"
    );
    // Without a stack, too.
    let empty = svg::write(&Profile::default());
    assert!(empty.contains("all requests (0 ms, 100.0 %)"), "{empty}");
}

#[test]
fn a_frame_that_is_too_narrow_to_be_seen_is_not_drawn() {
    let mut wide = profile();
    let heavy = wide.stacks.remove(0);
    wide.stacks.truncate(1);
    wide.stacks.push(ProfileStack {
        weight: weight(10_000_000),
        ..heavy
    });
    let svg = svg::write(&wide);
    assert!(svg.contains("pair"));
    assert!(!svg.contains("(running)"), "{svg}");
}

/// Holds 11.9, 11.10 of docs/admin-api.md.
#[test]
fn the_rest_is_an_entry_of_its_own() {
    let Node::Object(entries) = structure::node(&profile()) else {
        panic!("an object");
    };
    let rest = entries
        .iter()
        .find(|(key, _)| key == "rest")
        .map(|(_, rest)| rest);
    let rest_of = Node::object([
        ("request_time_in_seconds", Node::Float(0.01)),
        ("samples", Node::Integer(0)),
    ]);
    assert_eq!(rest, Some(&rest_of));
    assert_eq!(MAX_STACKS, 10_000, "as in docs/admin-api.md");
}

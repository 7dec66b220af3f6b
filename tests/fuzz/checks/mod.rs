//! Properties of the admin API for any input. Inputs are bytes read as text, so that a seed is a
//! text file. The fuzz targets and `tests/hostile` both call these checks and generate their own
//! inputs.

#![allow(
    dead_code,
    unused_imports,
    reason = "a fuzz target uses one of the checks"
)]
#![allow(unreachable_pub)]

mod answer;
mod world;

use axum::http::Method;
use serde_json::{Map, Value, json};

pub use answer::Answer;
use answer::leaves;
pub use world::World;

/// `METHOD path?query`: any request without a body has an answer of the contract, and HEAD mirrors
/// GET.
pub fn query(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    let (method, uri) = input.split_once(' ').unwrap_or(("GET", &input));
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        return;
    };
    let world = World::lock();
    world.keep_busy();
    let Some(answer) = world.ask(&method, uri, &[]) else {
        return;
    };
    answer.keeps_the_contract(&method);
    if method == Method::GET {
        let head = world.ask(&Method::HEAD, uri, &[]).expect("as before");
        assert_eq!(head.status, answer.status, "HEAD {uri}");
        assert_eq!(head.content_type, answer.content_type, "HEAD {uri}");
        assert!(head.body.is_empty(), "HEAD {uri}");
    }
}

/// A line with routes, optionally `?` and a query, then the body. A refused change changes nothing,
/// and an accepted one is answered like GET.
pub fn settings(input: &[u8]) {
    let (target, body) = first_line(input);
    let (routes, query) = target.split_once('?').unwrap_or((&target, ""));
    let world = World::lock();
    world.put(&json!({"*": null}));
    world.put(&json!({"limit.active": 7, "preempt.text": "as before"}));
    let before = world.get(ALL);
    let uri = format!("/_routes/{routes}/settings?{query}");
    let Some(answer) = world.ask(&Method::PUT, &uri, body) else {
        return;
    };
    answer.keeps_the_contract(&Method::PUT);
    if answer.status != 200 {
        let after = world.get(ALL);
        assert_eq!(after, before, "{} and yet changed", answer.status);
    } else if !expires(body) {
        let read = world.ask(&Method::GET, &uri, &[]).expect("as before");
        assert_eq!(read, answer, "GET {uri} after PUT");
    }
}

/// A line with the value of `filter_path`, then lines with headers to filter, such as `a.b: c`. The
/// result is a part of the original, and filtering it again does not change it.
pub fn filter_path(input: &[u8]) {
    let (filter, rest) = first_line(input);
    if filter.len() > LONGEST_FILTER {
        return;
    }
    let filter = world::encoded_value(&filter);
    let world = World::lock();
    world.put(&json!({"*": null}));
    world.put_if_valid(&json!({"preempt": {"headers": headers(rest), "status": 503}}));
    for uri in [SETTINGS, "/_cat/routes?format=json&h=id,name,path"] {
        let whole = world.get(uri);
        let part = world.get(&format!("{uri}&filter_path={filter}"));
        assert_eq!(part.is_array(), whole.is_array(), "{uri}");
        let mut whole = leaves(&whole).into_iter();
        for leaf in leaves(&part) {
            // In the original order, too.
            assert!(whole.any(|of_whole| of_whole == leaf), "{leaf:?} of {uri}");
        }
        let twice = world.get(&format!("{uri}&filter_path={filter},{filter}"));
        assert_eq!(twice, part, "the same patterns once more");
    }
    let once = world.get(&format!("{SETTINGS}&filter_path={filter}"));
    let left = once.as_object().and_then(|routes| routes.values().next());
    let Some(left) = left.and_then(|route| route.get("transient")) else {
        return;
    };
    // The result becomes the only data, so that the API itself filters it a second time.
    world.put(&json!({"*": null}));
    world.put(left);
    assert_eq!(world.get(SETTINGS), once, "all that was left is set");
    let twice = world.get(&format!("{SETTINGS}&filter_path={filter}"));
    assert_eq!(twice, once, "filtered twice");
}

/// Written twice and percent-encoded, it still fits into a URI.
const LONGEST_FILTER: usize = 8_000;

/// All state that a change of settings could affect.
const ALL: &str = "/_routes/settings?include_defaults";

/// The settings of the only route that has any; further parameters can follow the `&`.
const SETTINGS: &str = "/_routes/hostile/settings?human=false";

fn first_line(input: &[u8]) -> (String, &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (line, rest) = input.split_at(end.unwrap_or(input.len()));
    let line = String::from_utf8_lossy(line).into_owned();
    (line, rest.get(1..).unwrap_or_default())
}

/// True if a change expires, so that a later answer differs.
fn expires(body: &[u8]) -> bool {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    body.is_some_and(|body| body.get("expires_in").is_some())
}

/// The lines that could be headers.
fn headers(lines: &[u8]) -> Map<String, Value> {
    let lines = String::from_utf8_lossy(lines);
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_owned(), Value::from(value)))
    };
    lines.lines().filter_map(header).collect()
}

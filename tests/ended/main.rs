//! What is known of requests after their end, and where the time of requests goes: `_cat/ended`,
//! `_ended`, `_cat/awaits`, and the events of slow requests.

#![allow(missing_docs, unreachable_pub)]

mod awaits;
mod bad_ends;
mod gaps;
mod kept;
mod slow;
#[path = "../support/mod.rs"]
mod support;
mod timelines;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{PATIENCE, Service};

/// Waits until the rows of `_cat/ended` of a route satisfy `are_they`, and returns them.
async fn ended(service: &Service, route: &str, are_they: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let path = format!("_cat/ended/{route}?format=json&h=*");
        let rows = service.admin_json(&path).await;
        let rows = rows.as_array().expect("a table").clone();
        if are_they(&rows) {
            return rows;
        }
        assert!(Instant::now() < deadline, "{route}: {rows:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The only record of a route, once there is one.
async fn only(service: &Service, route: &str) -> Value {
    let mut rows = ended(service, route, |rows| !rows.is_empty()).await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows.remove(0)
}

/// The record as `_ended` shows it.
async fn detail(service: &Service, row: &Value) -> Value {
    let path = format!("_ended/{}", row["id"]);
    service.admin_json(&path).await["ended"][0].clone()
}

/// True if `seconds` is within some ticks of the expected time: the machine may be busy.
fn is_about(seconds: &Value, expected: f64) -> bool {
    let seconds = seconds.as_f64().expect("a time");
    (expected - 0.05..expected + 0.4).contains(&seconds)
}

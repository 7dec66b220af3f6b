//! `_cat/stacks` groups requests by the stack they wait at.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde_json::json;
use tokio::sync::Semaphore;
use underscore_runtime::underscore_route;

use crate::support::Service;

static FIRST: Semaphore = Semaphore::const_new(0);
static SECOND: Semaphore = Semaphore::const_new(0);

#[underscore_route(name = "crowd")]
async fn crowd(Path(step): Path<u8>) {
    if step == 2 {
        let second = async { SECOND.acquire().await.map(drop) };
        second.await.expect("never closed");
    } else {
        FIRST.acquire().await.expect("never closed").forget();
    }
}

/// Holds 1.5, 3.54 of docs/admin-api.md.
#[tokio::test]
async fn requests_with_the_same_stack_are_one_line_and_the_largest_group_is_first() {
    let service = Service::start(Router::new().route("/crowd/{step}", get(crowd))).await;
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..23 {
        let step = if number < 3 { 2 } else { 1 };
        let request = service.request(reqwest::Method::GET, &format!("/crowd/{step}"));
        clients.spawn(request.send());
    }
    service.wait_for("crowd", "stats.req.active", 23).await;
    service.wait_for_waiting("crowd", 23).await;

    let rows = service.admin_json("_cat/stacks/crowd?format=json").await;
    assert_eq!(rows.as_array().map(Vec::len), Some(2), "{rows:#}");
    let counts = [&rows[0]["count"], &rows[1]["count"]];
    assert_eq!(counts, [&json!(20), &json!(3)], "{rows:#}");
    assert_eq!(rows[0]["path"], "/crowd/{step}");
    assert_eq!(rows[0]["state"], "waiting");
    let stack = rows[0]["stack"].as_str().expect("a stack");
    let place = rows[0]["where"].as_str().expect("a place");
    assert_eq!(stack, format!("{place} FIRST.acquire()"));
    let (outer, inner) = rows[1]["stack"]
        .as_str()
        .and_then(|stack| stack.split_once(" > "))
        .expect("two awaits");
    assert!(outer.ends_with(" second"), "{outer}");
    assert!(inner.ends_with(" SECOND.acquire()"), "{inner}");
    let age = |row: usize, column: &str| rows[row][column].as_f64().expect("seconds");
    assert!(age(0, "oldest") >= age(0, "newest"));

    let report = service.post("_routes/crowd/interrupt").await.ok_json();
    assert_eq!(report["interrupted"], 23);
    assert_eq!(service.admin("_cat/stacks/crowd").await.text, "");
    clients.join_all().await;
}

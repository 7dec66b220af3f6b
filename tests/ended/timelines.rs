//! The time that a request has spent at each of its awaits.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::stream::once;
use tokio::time::sleep;
use underscore_runtime::{RouterExt as _, underscore_frame, underscore_route};

use super::{detail, is_about, only};
use crate::support::Service;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_millis(700);

#[underscore_route(get, "/two-waits", name = "timelines.two_waits")]
async fn two_waits() {
    sleep(SHORT).await;
    sleep(LONG).await;
}

/// Holds 1.50, 1.51, 12.1, 12.4, 12.5 of docs/admin-api.md.
#[tokio::test]
async fn a_slow_request_shows_the_time_at_each_await() {
    let service = Service::start(Router::new().mount(two_waits)).await;
    service
        .set("timelines.two_waits", "slow_after", "900ms")
        .await;
    service.get("/two-waits").await;
    let row = only(&service, "timelines.two_waits").await;
    assert_eq!(row["end"], "completed");
    assert_eq!(row["status"], 200);
    assert_eq!(row["slow"], true);
    assert!(is_about(&row["took"], 1.0), "{row:#}");
    let line = |await_: &str| {
        let source = include_str!("timelines.rs");
        let number = source.lines().position(|line| line.trim() == await_);
        format!(
            "tests/ended/timelines.rs:{}",
            number.expect("it is there") + 1
        )
    };
    let (short, long) = (line("sleep(SHORT).await;"), line("sleep(LONG).await;"));
    assert_eq!(row["slowest_at"], long.as_str());
    assert!(is_about(&row["slowest_for"], 0.7), "{row:#}");

    let detail = detail(&service, &row).await;
    let awaits = detail["timeline"]["awaits"].as_array().expect("a list");
    let [first, second] = &awaits[..] else {
        panic!("two awaits: {detail:#}");
    };
    for (await_, place, time) in [(first, &short, 0.3), (second, &long, 0.7)] {
        assert_eq!(await_["where"], place.as_str(), "{detail:#}");
        assert_eq!(await_["state"], "waiting");
        assert_eq!(await_["times"], 1);
        assert!(is_about(&await_["total"], time), "{detail:#}");
        assert_eq!(await_["total"], await_["longest"]);
    }
    let sum = first["total"].as_f64().expect("a time") + second["total"].as_f64().expect("a time");
    let unseen = detail["timeline"]["unseen"].as_f64().expect("a time");
    let took = row["took"].as_f64().expect("a time");
    assert!((sum + unseen - took).abs() < 0.001, "{detail:#}");

    let text = service
        .admin(&format!("_ended/{}?format=text", row["id"]))
        .await;
    let has = |words: &str| text.text.contains(words);
    assert!(
        has("sleep(LONG)") && has(&long) && has("completed 200 after"),
        "{}",
        text.text
    );
}

#[underscore_frame]
async fn left() {
    sleep(SHORT).await;
}

#[underscore_frame]
async fn right() {
    sleep(LONG).await;
}

#[underscore_route(get, "/joined", name = "timelines.joined")]
async fn joined() {
    tokio::join!(left(), right());
}

/// Holds 12.6 of docs/admin-api.md.
#[tokio::test]
async fn branches_of_a_join_are_told_apart() {
    let service = Service::start(Router::new().mount(joined)).await;
    service.set("timelines.joined", "slow_after", "200ms").await;
    service.get("/joined").await;
    let row = only(&service, "timelines.joined").await;
    let detail = detail(&service, &row).await;
    let awaits = detail["timeline"]["awaits"].as_array().expect("a list");
    let at = |source: &str| {
        let mut of_source = awaits.iter().filter(|await_| await_["awaiting"] == source);
        let found = of_source
            .next()
            .unwrap_or_else(|| panic!("{source}: {detail:#}"));
        assert!(of_source.next().is_none(), "{detail:#}");
        found
    };
    assert!(is_about(&at("sleep(SHORT)")["total"], 0.3), "{detail:#}");
    // It goes on while the other branch has ended: one stay.
    assert!(is_about(&at("sleep(LONG)")["total"], 0.7), "{detail:#}");
    assert_eq!(at("sleep(LONG)")["times"], 1, "{detail:#}");
}

#[underscore_route(get, "/selected", name = "timelines.selected")]
async fn selected() {
    tokio::select! {
        () = left() => {}
        () = right() => {}
    }
    right().await;
}

/// Holds 12.6 of docs/admin-api.md.
#[tokio::test]
async fn branches_of_a_select_are_told_apart() {
    let service = Service::start(Router::new().mount(selected)).await;
    service
        .set("timelines.selected", "slow_after", "200ms")
        .await;
    service.get("/selected").await;
    let row = only(&service, "timelines.selected").await;
    let detail = detail(&service, &row).await;
    let awaits = detail["timeline"]["awaits"].as_array().expect("a list");
    // By the line in the handler: `right()` is a branch, and awaited once more below.
    let mut totals: Vec<(&str, &serde_json::Value)> = awaits
        .iter()
        .map(|await_| {
            let outer = await_["stack"][0]["where"].as_str().expect("a place");
            (outer, &await_["total"])
        })
        .collect();
    totals.sort_by_key(|(outer, _)| *outer);
    let [left_branch, right_branch, after] = &totals[..] else {
        panic!("three awaits: {detail:#}");
    };
    for ((_, total), time) in [(left_branch, 0.3), (right_branch, 0.3), (after, 0.7)] {
        assert!(is_about(total, time), "{detail:#}");
    }
}

#[underscore_route(get, "/repeated", name = "timelines.repeated")]
async fn repeated() {
    for _ in 0..3 {
        sleep(SHORT).await;
        std::thread::sleep(SHORT);
    }
}

/// Holds 12.7 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_inside_polls_is_shown_as_running() {
    let service = Service::start_on_workers(2, Router::new().mount(repeated)).await;
    service.get("/repeated").await;
    let row = only(&service, "timelines.repeated").await;
    let detail = detail(&service, &row).await;
    let awaits = detail["timeline"]["awaits"].as_array().expect("a list");
    for state in ["waiting", "running"] {
        let of_state = awaits.iter().find(|await_| await_["state"] == state);
        let of_state = of_state.unwrap_or_else(|| panic!("{state}: {detail:#}"));
        assert_eq!(of_state["times"], 3, "{detail:#}");
        let total = of_state["total"].as_f64().expect("a time");
        assert!(
            (0.75..2.0).contains(&total),
            "three ticks off at most: {detail:#}"
        );
        assert!(is_about(&of_state["longest"], 0.3), "{detail:#}");
        assert_eq!(of_state["awaiting"], "sleep(SHORT)");
    }
}

#[underscore_route(get, "/blocks-first", name = "timelines.blocks_first")]
async fn blocks_first() {
    std::thread::sleep(LONG);
}

/// Holds 12.7 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_never_waits_is_kept_too() {
    let service = Service::start_on_workers(2, Router::new().mount(blocks_first)).await;
    service
        .set("timelines.blocks_first", "slow_after", "500ms")
        .await;
    service.get("/blocks-first").await;
    let row = only(&service, "timelines.blocks_first").await;
    assert_eq!(row["slowest_at"], "(running)", "{row:#}");
    assert!(is_about(&row["slowest_for"], 0.7), "{row:#}");
}

#[underscore_route(get, "/streamed", name = "timelines.streamed")]
async fn streamed() -> Body {
    let late = async {
        sleep(LONG).await;
        Ok::<_, Infallible>("late")
    };
    Body::from_stream(once(late))
}

/// Holds 12.3 of docs/admin-api.md.
#[tokio::test]
async fn a_response_that_streams_for_long_is_not_slow() {
    let service = Service::start(Router::new().mount(streamed)).await;
    service
        .set("timelines.streamed", "slow_after", "300ms")
        .await;
    assert_eq!(service.get("/streamed").await.text, "late");
    service
        .wait_for_ends("timelines.streamed", &[("completed", 1)])
        .await;
    let rows = service
        .admin_json("_cat/ended/timelines.streamed?format=json")
        .await;
    assert_eq!(rows, serde_json::json!([]));
}

//! The events of requests that become slow, written while they run.

use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use reqwest::Method;
use reqwest::header::HeaderValue;
use tokio::time::sleep;
use underscore_runtime::{RouterExt as _, underscore_frame, underscore_route};

use crate::support::Service;
use crate::support::log::{LOG, turn};
use crate::support::process::own_process;

/// The events of a path.
fn of<'a>(lines: &'a [String], path: &str) -> Vec<&'a String> {
    let path = format!("path=\"{path}\" ");
    lines
        .iter()
        .filter(|line| line.contains("underscore::slow") && line.contains(&path))
        .collect()
}

#[underscore_route(get, "/never", name = "slow.never")]
async fn never() {
    std::future::pending::<()>().await;
}

/// Holds 12.12, 12.13 of docs/admin-api.md.
#[tokio::test]
async fn a_request_that_never_ends_is_reported_at_1_4_and_16_times() {
    let _turn = turn().await;
    let service = Service::start(Router::new().mount(never)).await;
    service.set("slow.never", "slow_after", "100ms").await;
    let hostile = HeaderValue::from_bytes("evil\u{9b}2J".as_bytes()).expect("obs-text is valid");
    let request = service
        .request(Method::GET, "/never")
        .header("x-request-id", hostile);
    let sent = tokio::spawn(request.send());
    let lines = tokio::task::spawn_blocking(|| LOG.wait(|lines| of(lines, "/never").len() == 3));
    let lines = lines.await.expect("it ends");
    let events = of(&lines, "/never");
    for (event, times) in events.iter().zip([1, 4, 16]) {
        assert!(
            event.contains(&format!("more than {times} x `slow_after`")),
            "{event}"
        );
        assert!(event.contains("slow_after_ms=100"), "{event}");
        assert!(event.contains("tests/ended/slow.rs:"), "{event}");
        assert!(event.contains("std::future::pending::<()>()"), "{event}");
        assert!(event.contains("method=GET"), "{event}");
        assert!(event.contains("evil\\u{9b}2J"), "{event:?}");
        assert!(!event.contains('\u{9b}'), "{event:?}");
    }
    sent.abort();
    service.wait_for("slow.never", "stats.req.active", 0).await;
}

#[underscore_route(get, "/lowered", name = "slow.lowered")]
async fn lowered() {
    std::future::pending::<()>().await;
}

/// Holds 12.12 of docs/admin-api.md.
#[tokio::test]
async fn a_request_that_is_slow_by_a_new_setting_is_reported() {
    let _turn = turn().await;
    let service = Service::start(Router::new().mount(lowered)).await;
    service.set("slow.lowered", "slow_after", "1h").await;
    let sent = tokio::spawn(service.request(Method::GET, "/lowered").send());
    // Longer than sixteen times the next value.
    let is_old = |task: &serde_json::Value| task["running_time"].as_f64() > Some(0.5);
    service.wait_for_task("slow.lowered", is_old).await;
    service.set("slow.lowered", "slow_after", "20ms").await;
    let wait = || LOG.wait(|lines| !of(lines, "/lowered").is_empty());
    let lines = tokio::task::spawn_blocking(wait).await.expect("it ends");
    let event = of(&lines, "/lowered")[0];
    assert!(event.contains("more than 16 x `slow_after`"), "{event}");
    sent.abort();
    service
        .wait_for("slow.lowered", "stats.req.active", 0)
        .await;
}

#[underscore_route(get, "/many", name = "slow.many")]
async fn many() {
    std::future::pending::<()>().await;
}

/// The number of events of single requests, and of those that are counted only.
fn counts(lines: &[String]) -> (usize, usize) {
    let slow = || {
        let lines = lines.iter();
        lines.filter(|line| line.contains("underscore::slow"))
    };
    let single = slow().filter(|line| line.contains("task=")).count();
    let more = slow().filter_map(|line| {
        let (_, count) = line.split_once("more=")?;
        count.split(' ').next()?.parse::<usize>().ok()
    });
    (single, more.sum())
}

/// Sends requests that become slow at the same moment, and returns the number of events of single
/// ones when all are counted.
async fn report_at_once(service: &Service, paths: &[String], requests: usize) -> usize {
    service.set("_all", "slow_after", "1h").await;
    let sent: Vec<_> = (0..requests)
        .map(|number| {
            let request = service.request(Method::GET, &paths[number % paths.len()]);
            tokio::spawn(request.send())
        })
        .collect();
    service.wait_for_waiting("slow.many", requests).await;
    // So that each is beyond sixteen times the next value, and none will be reported again.
    sleep(Duration::from_millis(20)).await;
    service.set("_all", "slow_after", "1ms").await;
    let is_complete = move |lines: &[String]| {
        let (single, more) = counts(lines);
        single + more == requests
    };
    let wait = move || LOG.wait(is_complete);
    let lines = tokio::task::spawn_blocking(wait).await.expect("it ends");
    for sent in sent {
        sent.abort();
    }
    counts(&lines).0
}

/// Holds 12.14 of docs/admin-api.md.
#[tokio::test]
async fn many_slow_requests_are_counted_after_the_first_ten_of_a_second() {
    // Those of other tests count, too.
    own_process!();
    let _turn = turn().await;
    let service = Service::start(Router::new().mount(many)).await;
    let single = report_at_once(&service, &["/many".to_owned()], 100).await;
    assert!((10..=20).contains(&single), "{single}");
}

#[underscore_route(get, "/quick", name = "slow.quick")]
async fn quick() {
    sleep(Duration::from_millis(50)).await;
}

/// Holds 12.12 of docs/admin-api.md.
#[tokio::test]
async fn a_request_that_is_not_slow_is_not_reported() {
    let _turn = turn().await;
    let service = Service::start(Router::new().mount(quick)).await;
    for _ in 0..5 {
        service.get("/quick").await;
    }
    assert!(of(&LOG.lines(), "/quick").is_empty());
    let rows = service
        .admin_json("_cat/ended/slow.quick?format=json")
        .await;
    assert_eq!(rows, serde_json::json!([]));
}

#[underscore_frame]
async fn branch() {
    std::future::pending::<()>().await;
}

#[underscore_route(get, "/wide", name = "slow.wide")]
async fn wide() {
    join_all((0..5_000).map(|_| branch())).await;
}

/// Holds 12.12 of docs/admin-api.md.
#[tokio::test]
async fn the_event_of_a_request_with_thousands_of_awaits_is_short() {
    let _turn = turn().await;
    let service = Service::start(Router::new().mount(wide)).await;
    service.set("slow.wide", "slow_after", "100ms").await;
    let long = "i".repeat(7_000);
    let request = service
        .request(Method::GET, "/wide")
        .header("x-request-id", &long)
        .header("traceparent", &long);
    let sent = tokio::spawn(request.send());
    let wait = || LOG.wait(|lines| !of(lines, "/wide").is_empty());
    let lines = tokio::task::spawn_blocking(wait).await.expect("it ends");
    let event = of(&lines, "/wide")[0];
    assert!(event.contains("branch()"), "{event:.300}");
    assert!(event.len() < 4_000, "{} bytes", event.len());
    sent.abort();
    service.wait_for("slow.wide", "stats.req.active", 0).await;
}

const ROUTES: usize = 40;
const REQUESTS: usize = 400;

/// Holds 12.14 of docs/admin-api.md.
#[tokio::test]
async fn slow_requests_of_many_routes_are_counted_after_the_first_hundred_of_a_second() {
    // Those of other tests count, too.
    own_process!();
    let _turn = turn().await;
    let paths: Vec<String> = (0..ROUTES)
        .map(|number| format!("/many/{number}"))
        .collect();
    let app = paths.iter().fold(Router::new(), |app, path| {
        app.route(path, axum::routing::get(many))
    });
    let service = Service::start(app).await;
    let single = report_at_once(&service, &paths, REQUESTS).await;
    assert!((100..=200).contains(&single), "{single}");
}

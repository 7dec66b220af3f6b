//! `_cat/awaits`: where requests wait now, and where they have waited in the last minute.

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{StatusCode, Uri};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use underscore_runtime::{RouterExt as _, spawn, underscore_frame, underscore_route};

use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};

/// The rows of a route, or all, once they satisfy `are_they`.
async fn awaits(service: &Service, path: &str, are_they: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = service
            .admin_json(&format!("_cat/awaits{path}?format=json&h=*"))
            .await;
        let rows = rows.as_array().expect("a table").clone();
        if are_they(&rows) {
            return rows;
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn row<'a>(rows: &'a [Value], awaiting: &str) -> Option<&'a Value> {
    rows.iter().find(|row| row["awaiting"] == awaiting)
}

static GATE: Semaphore = Semaphore::const_new(0);

#[underscore_route(get, "/gated", name = "awaits.gated")]
async fn gated() {
    GATE.acquire().await.expect("it is open").forget();
    sleep(Duration::from_millis(300)).await;
}

/// Holds 1.52, 13.1, 13.2, 13.4 of docs/admin-api.md.
#[tokio::test]
async fn an_await_shows_who_waits_and_when_somebody_has_last_passed() {
    let service = Service::start(Router::new().mount(gated)).await;
    let request = || tokio::spawn(service.request(Method::GET, "/gated").send());
    let sent: Vec<_> = (0..3).map(|_| request()).collect();
    let gate = "GATE.acquire()";
    let rows = awaits(&service, "/awaits.gated", |rows| {
        row(rows, gate).is_some_and(|row| row["waiting"] == 3 && row["share_1m"].is_number())
    })
    .await;
    let waits = row(&rows, gate).expect("just seen");
    assert_eq!(waits["route"], "GET /gated");
    assert_eq!(waits["last_passed"], Value::Null, "{waits:#}");
    assert!(waits["oldest"].as_f64() > Some(0.0), "{waits:#}");
    assert!(
        waits["where"]
            .as_str()
            .expect("a text")
            .starts_with("tests/ended/awaits.rs:")
    );
    assert!(
        waits["function"]
            .as_str()
            .expect("a text")
            .ends_with("awaits::gated")
    );

    GATE.add_permits(1);
    let rows = awaits(&service, "/awaits.gated", |rows| {
        row(rows, gate).is_some_and(|row| row["last_passed"].is_number())
    })
    .await;
    let waits = row(&rows, gate).expect("just seen");
    assert_eq!(waits["waiting"], 2);
    assert!(
        waits["last_passed"].as_f64() < Some(PATIENCE.as_secs_f64()),
        "{waits:#}"
    );
    GATE.add_permits(2);
    for sent in sent {
        assert_eq!(
            sent.await.expect("it ends").expect("an answer").status(),
            200
        );
    }
    // It stays for the rest of the minute.
    let rows = awaits(&service, "/awaits.gated", |rows| {
        rows.iter().all(|row| row["waiting"] == 0)
    })
    .await;
    assert_eq!(rows.len(), 2, "{rows:#?}");
}

#[underscore_route(get, "/given-up", name = "awaits.given_up")]
async fn given_up() {
    std::future::pending::<()>().await;
}

/// Holds 13.4 of docs/admin-api.md.
#[tokio::test]
async fn a_request_that_is_interrupted_has_not_passed() {
    let service = Service::start(Router::new().mount(given_up)).await;
    let sent = tokio::spawn(service.request(Method::GET, "/given-up").send());
    let pending = "std::future::pending::<()>()";
    awaits(&service, "/awaits.given_up", |rows| {
        row(rows, pending).is_some_and(|row| row["share_1m"].is_number())
    })
    .await;
    service
        .post("_routes/awaits.given_up/interrupt")
        .await
        .ok_json();
    sent.await.expect("it ends").expect("an answer");
    // Its end has been seen once its timeline is complete.
    let done = super::only(&service, "awaits.given_up").await;
    assert_eq!(done["end"], "interrupted");
    let rows = awaits(&service, "/awaits.given_up", |rows| {
        row(rows, pending).is_some_and(|row| row["waiting"] == 0)
    })
    .await;
    let row = row(&rows, pending).expect("just seen");
    assert_eq!(row["last_passed"], Value::Null, "{row:#}");
}

#[underscore_frame]
async fn long() {
    sleep(Duration::from_millis(600)).await;
}

#[underscore_frame]
async fn short() {
    sleep(Duration::from_millis(200)).await;
}

#[underscore_route(get, "/shares", name = "awaits.shares")]
async fn shares() {
    short().await;
    long().await;
}

/// Holds 13.3 of docs/admin-api.md.
#[tokio::test]
async fn shares_are_parts_of_the_time_of_all_requests() {
    own_process!();
    let service = Service::start(Router::new().mount(shares)).await;
    let sent = (0..10).map(|_| tokio::spawn(service.request(Method::GET, "/shares").send()));
    for sent in sent.collect::<Vec<_>>() {
        sent.await.expect("it ends").expect("an answer");
    }
    let rows = awaits(&service, "", |rows| rows.len() >= 2).await;
    let share = |source: &str| {
        let row = row(&rows, source).unwrap_or_else(|| panic!("{source}: {rows:#?}"));
        row["share_1m"].as_f64().expect("a number")
    };
    let shares = [
        share("sleep(Duration::from_millis(200))"),
        share("sleep(Duration::from_millis(600))"),
    ];
    assert!((shares[0] - 25.0).abs() < 10.0, "{rows:#?}");
    assert!((shares[1] - 75.0).abs() < 10.0, "{rows:#?}");
}

/// Holds 13.1 of docs/admin-api.md.
#[tokio::test]
async fn background_work_is_listed_without_a_share() {
    let service = Service::start(Router::new()).await;
    let work = spawn("awaits.work", async {
        short().await;
        std::future::pending::<()>().await;
    });
    let rows = awaits(&service, "", |rows| {
        let of_work = |row: &&Value| row["route"] == Value::Null && row["waiting"] == 1;
        rows.iter().any(|row| of_work(&row))
    })
    .await;
    let row = rows.iter().find(|row| row["route"] == Value::Null);
    assert_eq!(row.expect("just seen")["share_1m"], Value::Null);
    work.abort();
}

#[underscore_route(get, "/computes", name = "awaits.computes")]
async fn computes() {
    sleep(Duration::from_millis(300)).await;
    std::thread::sleep(Duration::from_millis(900));
}

/// Holds 13.3 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_inside_a_poll_is_not_spent_at_the_await_before_it() {
    own_process!();
    let service = Service::start_on_workers(2, Router::new().mount(computes)).await;
    service.get("/computes").await;
    let rows = awaits(&service, "/awaits.computes", |rows| !rows.is_empty()).await;
    let row = row(&rows, "sleep(Duration::from_millis(300))").expect("it was seen");
    let share = row["share_1m"].as_f64().expect("a number");
    assert!((share - 25.0).abs() < 15.0, "{row:#}");
}

#[underscore_route(get, "/mixed", name = "awaits.mixed")]
async fn mixed(uri: Uri) -> StatusCode {
    if uri.query().is_some() {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    sleep(Duration::from_millis(250)).await;
    StatusCode::OK
}

/// Holds 13.4 of docs/admin-api.md.
#[tokio::test]
async fn requests_that_pass_are_seen_beside_those_that_end_badly() {
    let service = Service::start(Router::new().mount(mixed)).await;
    let (waits, fails) = (service.request(Method::GET, "/mixed"), "/mixed?fail");
    let sent = tokio::spawn(waits.send());
    while !sent.is_finished() {
        assert_eq!(service.get(fails).await.status, 500);
    }
    assert_eq!(
        sent.await.expect("it ends").expect("an answer").status(),
        200
    );
    let rows = awaits(&service, "/awaits.mixed", |rows| {
        rows.iter().all(|row| row["waiting"] == 0) && !rows.is_empty()
    })
    .await;
    super::ended(&service, "awaits.mixed", |rows| !rows.is_empty()).await;
    let passed = |rows: &[Value]| rows[0]["last_passed"].is_number();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    awaits(&service, "/awaits.mixed", passed).await;
}

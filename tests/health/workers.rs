//! Blocked workers.

use std::time::Duration;

use axum::Router;
use reqwest::Method;
use underscore_runtime::{RouterExt as _, underscore_route};

use crate::support::Service;
use crate::support::gate::Gate;
use crate::support::log::LOG;
use crate::support::process::own_process;
use crate::{line_of, stays_green, text, wait_for, wait_for_green};

static LOCKED: Gate = Gate::new();

#[underscore_route(get, "/report", name = "report")]
async fn report() -> &'static str {
    tokio::task::yield_now().await; // the lock is taken behind this
    LOCKED.wait();
    "unlocked"
}

#[underscore_route(get, "/quick", name = "quick")]
async fn quick() {
    tokio::task::yield_now().await;
}

/// Holds 14.9, 14.10 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocked_workers_are_red_with_their_line_and_then_green() {
    own_process!();
    std::sync::LazyLock::force(&LOG);
    let app = Router::new().mount(report).mount(quick);
    let service = Service::start_on_workers(2, app).await;
    service.get("/quick").await;
    let send = || tokio::spawn(service.request(Method::GET, "/report").send());
    let first = send();
    let one = wait_for(&service, |row| row["status"] == "red").await;
    assert_eq!(one["symptom"], "blocked worker");
    assert_eq!(one["subject"], "/report");
    let line = line_of(include_str!("workers.rs"), "the lock is taken behind this");
    let place = format!("tokio-rt-worker is inside one poll after tests/health/workers.rs:{line}");
    assert!(text(&one, "evidence").starts_with(&place), "{one:#}");
    if cfg!(target_os = "linux") {
        assert!(
            text(&one, "evidence").ends_with(", kernel: futex"),
            "{one:#}"
        );
    }
    assert!(one["since"].as_f64() >= Some(2.0), "{one:#}");
    assert_eq!(one["next"], "GET /_cat/workers?v");
    assert_eq!(one["affected"], 1);
    assert!(text(&one, "task_id").parse::<u64>().is_ok(), "{one:#}");

    let second = send();
    let all = wait_for(&service, |row| {
        row["symptom"] == "all workers blocked" && row["status"] == "red"
    })
    .await;
    assert_eq!(all["affected"], 2, "{all:#}");
    assert!(
        text(&all, "evidence").starts_with("all 2 workers are each inside one poll"),
        "{all:#}"
    );
    assert_eq!(service.admin_json("").await["status"], "red");

    LOCKED.open();
    for sent in [first, second] {
        sent.await.expect("no panic").expect("an answer");
    }
    wait_for_green(&service).await;
    let lines = LOG.wait(|lines| {
        let is_green =
            |line: &String| line.contains("underscore::health") && line.contains("green");
        lines.iter().any(is_green)
    });
    let of_health = lines
        .iter()
        .filter(|line| line.contains("underscore::health"));
    let of_health: Vec<&String> = of_health.collect();
    assert!(of_health[0].starts_with("WARN "), "{of_health:#?}");
    assert!(
        of_health
            .last()
            .is_some_and(|line| line.starts_with("INFO ")),
        "{of_health:#?}"
    );
    let red: Vec<_> = of_health
        .iter()
        .filter(|line| line.starts_with("ERROR "))
        .collect();
    assert!(!red.is_empty(), "{of_health:#?}");
    assert!(
        red[0].contains("symptom=\"blocked worker\" subject=\"/report\""),
        "{red:#?}"
    );
}

#[underscore_route(get, "/heavy", name = "heavy")]
async fn heavy() {
    for _ in 0..3 {
        // As long as a hash of a password takes.
        std::thread::sleep(Duration::from_millis(250));
        tokio::task::yield_now().await;
    }
}

/// Holds 14.9 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_polls_of_an_honest_load_are_green() {
    own_process!();
    let service = Service::start_on_workers(2, Router::new().mount(heavy)).await;
    let sent = (0..12).map(|_| tokio::spawn(service.request(Method::GET, "/heavy").send()));
    let sent: Vec<_> = sent.collect();
    stays_green(&service, Duration::from_secs(4)).await;
    for sent in sent {
        sent.await.expect("no panic").expect("an answer");
    }
}

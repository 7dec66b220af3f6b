//! The threads for blocking work.

use std::time::Duration;

use axum::Router;
use reqwest::Method;
use tokio::runtime::Builder;
use underscore_runtime::{RouterExt as _, spawn_blocking, underscore_route};

use crate::support::Service;
use crate::support::gate::Gate;
use crate::support::process::own_process;
use crate::{stays_green, text, wait_for, wait_for_green};

static GATE: Gate = Gate::new();

#[underscore_route(get, "/hash", name = "hash")]
async fn hash() {
    let hashed = spawn_blocking("hash", || GATE.wait()).await;
    hashed.expect("no panic").expect("no interrupt");
}

#[underscore_route(get, "/brief", name = "brief")]
async fn brief() {
    let slept = spawn_blocking("brief", || std::thread::sleep(Duration::from_millis(20))).await;
    slept.expect("no panic").expect("no interrupt");
}

/// Runs a test with two threads for blocking work.
fn with_two_threads(test: impl Future<Output = ()>) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(2)
        .enable_all()
        .build();
    runtime.expect("threads can be had").block_on(test);
}

/// Holds 14.24 of docs/admin-api.md.
#[test]
fn calls_that_get_no_thread_are_yellow() {
    own_process!();
    with_two_threads(async {
        let service = Service::start(Router::new().mount(hash)).await;
        let send = || tokio::spawn(service.request(Method::GET, "/hash").send());
        let answers: Vec<_> = (0..5).map(|_| send()).collect();
        let found = wait_for(&service, |row| row["symptom"] == "blocking pool").await;
        assert_eq!(found["status"], "yellow");
        assert_eq!(found["affected"], 3, "{found:#}");
        let evidence = text(&found, "evidence");
        assert!(
            evidence.starts_with("calls of spawn_blocking wait for a thread, 3 now, "),
            "{evidence}"
        );
        assert!(evidence.contains("; probably all threads"), "{evidence}");
        let path = text(&found, "next").strip_prefix("GET /").expect("a read");
        let tasks = service.admin(path).await;
        assert_eq!(tasks.text.matches(" queued ").count(), 3, "{}", tasks.text);
        GATE.open();
        for answer in answers {
            let answer = answer.await.expect("no panic").expect("an answer");
            assert_eq!(answer.status(), 200);
        }
        wait_for_green(&service).await;
    });
}

/// Holds 14.24 of docs/admin-api.md.
#[test]
fn a_burst_of_short_calls_is_green() {
    own_process!();
    with_two_threads(async {
        let service = Service::start(Router::new().mount(brief)).await;
        let send = || tokio::spawn(service.request(Method::GET, "/brief").send());
        let answers: Vec<_> = (0..200).map(|_| send()).collect();
        stays_green(&service, Duration::from_secs(6)).await;
        for answer in answers {
            answer.await.expect("no panic").expect("an answer");
        }
    });
}

//! A blocked log, with more events than the queue holds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;

use axum::Router;
use axum::routing::get;
use serde_json::json;
use tracing::{Dispatch, Subscriber, dispatcher};
use tracing_subscriber::{Layer, prelude::*, registry};
use underscore_runtime::{track, underscore_route};

use crate::support::log::Log;
use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};

#[underscore_route(name = "flooded")]
async fn flooded() {}

/// Each change logs an event and a record, more of both than the queue holds.
async fn fill_the_queue(service: &Service) {
    for number in 0..1_200 {
        let body = json!({"transient": {"timeout": format!("{}s", number + 1)}});
        service
            .put("_routes/flooded/settings", body)
            .await
            .ok_json();
    }
}

/// Holds 7.34 of docs/admin-api.md.
#[tokio::test]
async fn events_lost_by_a_blocked_log_are_counted_and_no_audit_record_is_lost() {
    own_process!();
    let log = Log::install();
    let service = Service::start(Router::new().route("/", get(flooded))).await;
    let lost = || async {
        let text = service.admin("_metrics").await.text;
        let line = text
            .lines()
            .find(|line| line.starts_with("underscore_log_entries_lost_total "));
        let number = line.and_then(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
        number.expect("it is counted")
    };
    let before = lost().await;
    fill_the_queue(&service).await;
    let lost = lost().await - before;
    assert!((300..=400).contains(&lost), "{lost}");
    log.open();
    let lines = log.wait(|lines| {
        let records = lines
            .iter()
            .filter(|line| line.starts_with("INFO underscore::audit "));
        lines.iter().any(|line| line.contains("were lost")) && records.count() >= 1_024
    });
    let said = lines.iter().find(|line| line.contains("were lost"));
    assert!(
        said.expect("it is said").contains(&format!("lost={lost} ")),
        "{said:?}"
    );
}

/// Makes the library log an event on this thread.
fn panic_in_tracked_work() {
    let work = track("panics", async { panic!("logged") });
    let panicked = catch_unwind(AssertUnwindSafe(|| futures_executor::block_on(work)));
    assert!(panicked.is_err());
}

/// Logs when its subscriber is dropped.
struct LogsOnDrop;

impl Drop for LogsOnDrop {
    fn drop(&mut self) {
        panic_in_tracked_work();
    }
}

impl<S: Subscriber> Layer<S> for LogsOnDrop {}

/// Holds 7.34 of docs/admin-api.md.
#[tokio::test]
async fn a_subscriber_that_logs_when_it_is_dropped_does_not_block_the_log() {
    own_process!();
    let log = Log::install();
    let service = Service::start(Router::new().route("/", get(flooded))).await;
    fill_the_queue(&service).await;
    let (done, is_done) = channel();
    std::thread::spawn(move || {
        let scoped = Dispatch::new(registry().with(LogsOnDrop));
        dispatcher::with_default(&scoped, panic_in_tracked_work);
        // The last reference is that of the warning about the event that was lost, which the next
        // one takes over.
        drop(scoped);
        panic_in_tracked_work();
        done.send(()).expect("it is waited for");
    });
    let waited = tokio::task::spawn_blocking(move || is_done.recv_timeout(PATIENCE));
    if waited.await.expect("no panic").is_err() {
        // Not by a panic: what it drops would log, and wait, too.
        eprintln!("the log is blocked by itself");
        std::process::exit(1);
    }
    log.open();
}

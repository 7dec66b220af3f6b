//! What operators do is told to the host's log, and never waits for it.

mod support;

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::json;
use support::{PATIENCE, Service};
use tokio::sync::Semaphore;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use underscore_runtime::underscore_route;

/// A log that nobody reads: whoever writes to it waits, until it is opened.
#[derive(Clone, Default)]
struct Log(Arc<Inside>);

#[derive(Default)]
struct Inside {
    open: AtomicBool,
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Log {
    fn open(&self) {
        let _lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.open.store(true, Ordering::Relaxed);
        self.0.changed.notify_all();
    }

    /// Waits until `condition` holds of the lines.
    fn wait(&self, condition: impl Fn(&[String]) -> bool) -> Vec<String> {
        let lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .0
            .changed
            .wait_timeout_while(lines, PATIENCE, |lines| !condition(lines));
        let (lines, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "{lines:#?}");
        lines.clone()
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "underscore"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.wait(|_| self.0.open.load(Ordering::Relaxed));
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.0);
        self.0.changed.notify_all();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").expect("a string takes all");
    }
}

#[underscore_route(name = "logged")]
async fn logged(State(gate): State<Arc<Semaphore>>) {
    let _permit = gate.acquire().await;
}

#[tokio::test]
async fn the_api_answers_while_the_log_blocks_and_tells_it_everything_in_order_afterwards() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("the only one of this binary");
    let app = Router::new().route("/", get(logged));
    let service = Service::start(app.with_state(Arc::new(Semaphore::new(0)))).await;
    let client = tokio::spawn(service.request(reqwest::Method::GET, "/").send());
    service.wait_for_await("logged", "gate.acquire()").await;

    let body = json!({"transient": {"preempt.status": 503}});
    service.put("_routes/logged/settings", body).await.ok_json();
    let report = service.post("_routes/logged/interrupt?reason=why").await;
    assert_eq!(report.ok_json()["interrupted"], 1);
    let answer = client.await.expect("the client ran").expect("an answer");
    assert_eq!(answer.status(), 503);
    service.admin("_cat/tasks").await;

    log.open();
    let lines = log.wait(|lines| lines.len() == 2);
    assert!(lines[0].contains("preempt.status"), "{lines:#?}");
    assert!(lines[1].contains("reason=why"), "{lines:#?}");
    assert!(lines[1].contains("tests/log.rs:"), "{lines:#?}");
}

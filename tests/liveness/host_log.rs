//! The host's subscriber blocks for ever, or panics. Every level is enabled, so the libraries below
//! the admin API log each connection to it.

use std::path::Path;

use reqwest::Client;
use serde_json::json;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use underscore_runtime::{serve_admin, underscore_route};

use super::process::Process;
use super::{client_answers_soon, soon};

/// Never called, only configured.
#[underscore_route(name = "steered")]
async fn steered() {}

/// A subscriber with another action per event.
struct Log(fn());

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        (self.0)();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

pub(super) fn block() {
    loop {
        std::thread::park();
    }
}

pub(super) fn panic() {
    panic!("the log is full");
}

/// Serves in a process with this subscriber.
pub(super) fn serve(socket: &Path, event: fn()) {
    // Keep panics off the terminal.
    std::panic::set_hook(Box::new(|_| {}));
    tracing::subscriber::set_global_default(Log(event)).expect("the only one");
    serve_admin(socket).expect("it is served");
}

async fn answers_beside(role: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let process = Process::start(role, &directory, "");
    client_answers_soon(&process.admin).await;
    // Each of these requests logs an event.
    for (setting, value) in [("timeout", json!("1s")), ("timeout", json!(null))] {
        soon(setting, async || {
            put(&process.admin, json!({setting: value})).await;
        })
        .await;
    }
    client_answers_soon(&process.admin).await;
}

async fn put(admin: &Client, transient: serde_json::Value) {
    let request = admin.put("http://./_routes/steered/settings");
    let answer = request.json(&json!({ "transient": transient })).send();
    assert_eq!(answer.await.expect("it answers").status(), 200);
}

#[tokio::test]
async fn it_answers_while_the_log_blocks_for_ever() {
    answers_beside("log that blocks").await;
}

#[tokio::test]
async fn it_answers_beside_a_log_that_panics() {
    answers_beside("log that panics").await;
}

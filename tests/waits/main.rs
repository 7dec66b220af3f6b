//! What tasks hold, who waits for it, and the verdicts on that: section 15 of docs/admin-api.md.
//!
//! `_cat/waits` shows the locks of a whole process, so each test has one of its own.

#![allow(missing_docs, unreachable_pub)]

mod busy;
mod deadlocks;
mod holding;
mod honest;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{PATIENCE, Service};

/// A short time in which other requests run.
const SHORT: Duration = Duration::from_millis(20);

/// The rows of `_cat/waits`, with all columns.
async fn rows(service: &Service) -> Vec<Value> {
    let rows = service.admin_json("_cat/waits?format=json&h=*").await;
    rows.as_array().expect("a table").clone()
}

/// Waits until a row of `_cat/waits` satisfies `is_it`, and returns it.
async fn wait_for_row(service: &Service, is_it: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = rows(service).await;
        if let Some(row) = rows.iter().find(|row| is_it(row)) {
            return row.clone();
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a row whose verdict begins so.
async fn wait_for_verdict(service: &Service, resource: &str, verdict: &str) -> Value {
    wait_for_row(service, |row| {
        row["resource"] == resource && text(&row["verdict"]).starts_with(verdict)
    })
    .await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The ids of a route's tasks, oldest first.
async fn ids(service: &Service, route: &str) -> Vec<String> {
    let tasks = service.tasks(route).await;
    tasks.iter().map(|task| task["id"].to_string()).collect()
}

/// Sends requests whose answers are not awaited, until the service has begun all of them.
async fn send_all(service: &Service, route: &str, count: usize) -> Vec<tokio::net::TcpStream> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = service.connect().await;
        support::send(
            &mut client,
            &format!("GET {route} HTTP/1.1\r\nhost: a\r\n\r\n"),
        )
        .await;
        clients.push(client);
    }
    clients
}

//! The health of the service: each rule has the sick service that it must find, and an honest load
//! that must stay green.
//!
//! Health is that of a process, so each test has a process of its own.

#![allow(missing_docs, unreachable_pub)]

mod answers;
mod blocking_pool;
mod deadlock;
mod process;
mod requests;
mod settings;
mod stuck;
#[path = "../support/mod.rs"]
mod support;
mod workers;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{PATIENCE, Service};

/// The rows of `_cat/health` with all columns.
async fn health(service: &Service) -> Vec<Value> {
    let rows = service.admin_json("_cat/health?format=json&h=*").await;
    rows.as_array().expect("a table").clone()
}

/// Waits until a finding satisfies `is_it`, and returns it.
async fn wait_for(service: &Service, is_it: impl Fn(&Value) -> bool) -> Value {
    // Some rules wait for thirty seconds.
    let deadline = Instant::now() + 3 * PATIENCE;
    loop {
        let rows = health(service).await;
        if let Some(row) = rows.iter().find(|row| is_it(row)) {
            return row.clone();
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until there is no finding.
async fn wait_for_green(service: &Service) {
    wait_for(service, |row| row["status"] == "green").await;
}

/// Asserts that the service is green for `time`.
async fn stays_green(service: &Service, time: Duration) {
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        let rows = health(service).await;
        assert_eq!(rows[0]["status"], "green", "{rows:#?}");
        assert_eq!(rows.len(), 1);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn text<'a>(row: &'a Value, column: &str) -> &'a str {
    row[column].as_str().expect("a text")
}

/// The line with a comment in the source of a test.
fn line_of(source: &str, comment: &str) -> usize {
    let mut lines = source.lines().zip(1..);
    let (_, line) = lines
        .find(|(line, _)| line.ends_with(&format!("// {comment}")))
        .expect("the comment is there");
    line
}

//! `RequestLayer`: each request is one task from its arrival on, whatever answers it.

#![allow(missing_docs, unreachable_pub)]

mod endpoints;
mod grpc;
mod kept;
mod levers;
mod middleware;
mod records;
mod services;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{PATIENCE, Service};

/// Waits until the rows of `_cat/tasks` at `path` satisfy `are_they`, and returns them.
async fn tasks_at(
    service: &Service,
    path: &str,
    are_they: impl Fn(&[Value]) -> bool,
) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = service.admin_json("_cat/tasks?format=json&h=*").await;
        let rows = rows.as_array().expect("a table").clone();
        let found: Vec<Value> = rows.into_iter().filter(|row| row["path"] == path).collect();
        if are_they(&found) {
            return found;
        }
        assert!(Instant::now() < deadline, "{path}: {found:#?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

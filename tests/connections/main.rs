//! The service's own connections: each is listed with its state and can be closed.

#![allow(missing_docs, unreachable_pub)]

mod closing;
mod states;
#[path = "../support/mod.rs"]
mod support;
mod websockets;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{PATIENCE, Service};
use tokio::net::TcpStream;

/// Waits until the connection of `client` is listed and `is_it` holds, and returns its row.
async fn row(service: &Service, client: &TcpStream, is_it: impl Fn(&Value) -> bool) -> Value {
    let remote = client.local_addr().expect("it is connected").to_string();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = service.admin_json("_cat/connections?format=json&h=*").await;
        let rows = rows.as_array().expect("a table");
        let found = rows.iter().find(|row| row["remote"] == remote);
        if let Some(row) = found.filter(|row| is_it(row)) {
            return row.clone();
        }
        assert!(Instant::now() < deadline, "{remote}: {found:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until the connection of `client` is in `state`, and returns its row.
async fn row_in(service: &Service, client: &TcpStream, state: &str) -> Value {
    row(service, client, |row| row["state"] == state).await
}

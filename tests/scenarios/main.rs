//! The incidents that services report, as small services: what the first commands show during each,
//! typed out, and the line that ends it.
//!
//! `_cat/health` judges all tasks of a process, so each test has a process of its own, and the ids
//! of its requests begin with 1.

#![allow(missing_docs, unreachable_pub)]

mod bodies;
mod locks;
mod pools;
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod threads;
mod traffic;
mod unanswered;

use support::Service;
use tokio::task::JoinHandle;

/// Sends a request and returns its status.
fn send(service: &Service, path: &str) -> JoinHandle<u16> {
    // The client of `Service` gives up before some rules see what they look for.
    let sent = reqwest::Client::new().get(service.url(path)).send();
    tokio::spawn(async { sent.await.expect("an answer").status().as_u16() })
}

/// The statuses of several requests, sorted.
async fn statuses(clients: impl IntoIterator<Item = JoinHandle<u16>>) -> Vec<u16> {
    let mut statuses = Vec::new();
    for client in clients {
        statuses.push(client.await.expect("it ends"));
    }
    statuses.sort_unstable();
    statuses
}

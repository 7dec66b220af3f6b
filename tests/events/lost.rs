//! A follower that stops costs little, and learns what it has lost.

use axum::Router;
use serde_json::Value;
use underscore_runtime::RouterExt as _;

use crate::raw::{Body, send};
use crate::support::Service;
use crate::support::process::own_process;
use crate::{broken, events};

const CHANGES: u64 = 1_500;

/// Holds 16.11, 16.12 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_does_not_read_holds_little_and_learns_what_it_has_lost() {
    own_process!();
    let service = Service::start(Router::new().mount(broken)).await;
    let mut connection = send(&service, "").await;
    let mut body = Body::default();
    // Two kilobytes each, so several megabytes.
    let target = vec!["broken"; 140].join(",");
    let interrupt = format!("_routes/{target}/interrupt?reason={}", "x".repeat(1_000));
    service.post(&interrupt).await.ok_json();
    body.read(&mut connection, |events| !events.is_empty())
        .await;
    for _ in 1..CHANGES {
        service.post(&interrupt).await.ok_json();
    }
    let of_all = events(&service, "size=1").await;
    assert_eq!(of_all[0]["id"], CHANGES);

    let is_last = |events: &[Value]| events.last().is_some_and(|last| last["id"] == CHANGES);
    let (received, text) = body.read(&mut connection, is_last).await;
    let before = text.find("\"type\":\"lost\"").expect("some are lost");
    assert!(before < 1 << 20, "{before} bytes before what is lost");
    let losses: Vec<&Value> = received.iter().filter(|it| it["type"] == "lost").collect();
    assert_eq!(losses.len(), 1, "{losses:#?}");
    let lost = losses[0]["lost"].as_u64().expect("a number");
    assert!(lost > 500, "{lost}");
    let count = received.len() as u64 - 1;
    assert_eq!(count + lost, CHANGES, "each is received or lost");
    let at = received.iter().position(|it| it["type"] == "lost");
    let at = at.expect("it is there");
    let id = |index: usize| received[index]["id"].as_u64().expect("an id");
    assert_eq!(losses[0]["first_id"], id(at - 1) + 1);
    assert_eq!(losses[0]["last_id"], id(at + 1) - 1);
    println!("{before} bytes before `lost`, {lost} of {CHANGES} lost");
}

//! An interrupt closes a websocket whose connection is tracked, even if other tasks have its
//! halves.

use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::AsyncReadExt;
use underscore_runtime::{track, underscore_route};

use super::row_in;
use crate::support::{PATIENCE, Service, talk};

/// Spawns a task for each half of the socket, as in axum's example.
async fn in_halves(name: &'static str, socket: WebSocket) {
    let (mut sender, mut receiver) = socket.split();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if sender.send(Message::text("tick")).await.is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move { while receiver.next().await.is_some() {} });
    let _ = track(name, std::future::pending::<()>()).await;
}

#[underscore_route(name = "websockets.tracked")]
async fn tracked(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| in_halves("tracked halves", socket))
}

#[underscore_route(name = "websockets.untracked")]
async fn untracked(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| in_halves("untracked halves", socket))
}

/// Says goodbye after it was interrupted.
#[underscore_route(name = "websockets.polite")]
async fn polite(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        socket.send(Message::text("tick")).await.expect("it reads");
        let _ = track("polite", std::future::pending::<()>()).await;
        let _ = socket.send(Message::text("goodbye")).await;
    })
}

const OPEN: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Holds 9.10 of docs/admin-api.md.
#[tokio::test]
async fn an_interrupt_closes_a_websocket_whose_halves_were_spawned() {
    let app = Router::new().route("/", any(tracked));
    let service = Service::start_tracked(app).await;
    let mut client = service.connect().await;
    let head = talk(&mut client, OPEN, "tick").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let upgraded = row_in(&service, &client, "upgraded").await;
    let tasks = service
        .admin_json("_cat/tasks?format=json&h=id,connection,name")
        .await;
    let tasks = tasks.as_array().expect("a table");
    let task = tasks.iter().find(|task| task["name"] == "tracked halves");
    let task = task.expect("it is tracked");
    assert_eq!(task["connection"], upgraded["id"]);

    let path = format!("_tasks/{}/_cancel", task["id"]);
    let report = service.post(&path).await.ok_json();
    assert_eq!(report["tasks"][task["id"].to_string()], "interrupted");
    // What was sent before is read, and then the end.
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, client.read_to_end(&mut rest)).await;
    let _ = read.expect("the connection is closed");
}

/// Holds 9.10 of docs/admin-api.md.
#[tokio::test]
async fn a_message_sent_after_an_interrupt_arrives_before_the_connection_is_closed() {
    let app = Router::new().route("/", any(polite));
    let service = Service::start_tracked(app).await;
    let mut client = service.connect().await;
    talk(&mut client, OPEN, "tick").await;
    let interrupt = service.post("_routes/websockets.polite/interrupt?timeout=20s");
    let report = interrupt.await.ok_json();
    assert_eq!(
        (&report["interrupted"], &report["still_running"]),
        (&1.into(), &0.into())
    );
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, client.read_to_end(&mut rest)).await;
    read.expect("the connection is closed")
        .expect("and not reset");
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("goodbye"), "{rest}");
}

/// Holds 9.11 of docs/admin-api.md.
#[tokio::test]
async fn without_a_tracked_connection_the_socket_may_stay_open_and_the_report_says_so() {
    let app = Router::new().route("/", any(untracked));
    let service = Service::start(app).await;
    let mut client = service.connect().await;
    let head = talk(&mut client, OPEN, "tick").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let report = service
        .post("_routes/websockets.untracked/interrupt")
        .await
        .ok_json();
    let tasks = report["tasks"].as_object().expect("a map");
    let ids: Vec<&String> = tasks.keys().collect();
    assert_eq!(ids.len(), 1, "{report:#}");
    assert_eq!(report["sockets_may_stay_open"], json!(ids));
}

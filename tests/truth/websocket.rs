//! Work on an upgraded connection is a task of its route while the socket lives, wherever in the
//! callback it is tracked.

use std::time::Instant;

use axum::Router;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use underscore_runtime::{spawn, track, underscore_frame, underscore_route};

use crate::support::{PATIENCE, Service};

/// Echoes until its client leaves.
#[underscore_frame]
async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn tracked(socket: WebSocket) {
    let _ = track("socket", echo(socket)).await;
}

#[underscore_route(name = "in_a_block")]
async fn in_a_block(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| async move {
        let _ = track("socket", echo(socket)).await;
    })
}

#[underscore_route(name = "in_a_function")]
async fn in_a_function(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(tracked)
}

#[underscore_route(name = "in_an_async_closure")]
async fn in_an_async_closure(upgrade: WebSocketUpgrade) -> Response {
    let greeting = String::from("hello");
    upgrade
        .max_message_size(1 << 16)
        .on_upgrade(async move |socket| {
            drop(greeting);
            tracked(socket).await;
        })
}

#[underscore_route(name = "in_a_method_in_a_block")]
async fn in_a_method_in_a_block(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade({
        let greeting = String::from("hello");
        move |mut socket| {
            drop(greeting);
            async move {
                let frames = async move {
                    // Its type is only known from `on_upgrade`.
                    while let Some(Ok(message)) = socket.recv().await {
                        if socket.send(message).await.is_err() {
                            return;
                        }
                    }
                };
                let _ = track("socket", frames).await;
            }
        }
    })
}

#[underscore_route(name = "not_tracked")]
async fn not_tracked(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(echo)
}

#[underscore_route(name = "closed")]
async fn closed(upgrade: WebSocketUpgrade) -> Response {
    drop(spawn("spared", std::future::pending::<()>()));
    upgrade.on_upgrade(|socket| tracked(socket))
}

#[underscore_route(name = "chosen")]
async fn chosen(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(tracked)
}

fn app() -> Router {
    Router::new()
        .route("/in_a_block", any(in_a_block))
        .route("/in_a_function", any(in_a_function))
        .route("/in_an_async_closure", any(in_an_async_closure))
        .route("/in_a_method_in_a_block", any(in_a_method_in_a_block))
        .route("/closed", any(closed))
        .route("/chosen", any(chosen))
        .route("/not_tracked", any(not_tracked))
}

/// Opens a websocket. Afterwards the connection has frames.
async fn open(service: &Service, path: &str) -> TcpStream {
    let mut connection = service.connect().await;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         x-opaque-id: the phone in the hall\r\n\r\n"
    );
    let head = crate::support::talk(&mut connection, &request, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    connection
}

/// A masked text frame of RFC 6455 with a zero mask.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    let head = [0x81, 0x80 | length, 0, 0, 0, 0];
    [&head[..], text.as_bytes()].concat()
}

async fn sockets(service: &Service, route: &str, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let path = format!("_cat/tasks?format=json&h=*&routes={route}");
        let rows = service.admin_json(&path).await;
        let rows = rows.as_array().expect("a table").clone();
        let waiting = |row: &&Value| row["type"] == "background" && row["state"] == "waiting";
        if rows.len() == count && rows.iter().filter(waiting).count() == count {
            return rows;
        }
        assert!(Instant::now() < deadline, "never {count}: {rows:#?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_tracked_socket_is_a_task_of_its_route_until_it_is_closed() {
    let service = Service::start(app()).await;
    for route in [
        "in_a_block",
        "in_a_function",
        "in_an_async_closure",
        "in_a_method_in_a_block",
    ] {
        let mut connection = open(&service, &format!("/{route}")).await;
        let task = &sockets(&service, route, 1).await[0];
        assert_eq!(task["name"], "socket", "{route}");
        assert_eq!(task["path"], format!("/{route}"));
        assert_eq!(task["x_opaque_id"], "the phone in the hall");
        assert_eq!(task["awaiting"], "socket.recv()");
        assert!(task["parent_task_id"].is_number(), "{task:#}");
        let row = service.wait_for(route, "stats.end.completed", 1).await;
        assert_eq!(
            row["stats.resp.status_1xx"], 1,
            "the request itself is answered"
        );
        assert_eq!(row["stats.req.active"], 1, "and its connection goes on");

        tokio::io::AsyncWriteExt::write_all(&mut connection, &frame("hi"))
            .await
            .expect("it is open");
        let mut echoed = [0; 4];
        connection.read_exact(&mut echoed).await.expect("an echo");
        assert_eq!(echoed, [0x81, 2, b'h', b'i']);
        drop(connection);
        sockets(&service, route, 0).await;
        service.wait_for_ends(route, &[("completed", 1)]).await;
    }
}

#[underscore_route(name = "limited")]
async fn limited(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| async move {
        // Two tracked futures of one connection count once.
        let _other = track("other", std::future::pending::<()>());
        tracked(socket).await;
    })
}

#[underscore_route(name = "closes_in_time")]
async fn timed(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(tracked)
}

/// Holds 3.80, 4.70 of docs/admin-api.md.
#[tokio::test]
async fn sockets_count_for_the_limit_and_end_at_the_timeout_of_their_route() {
    let app = Router::new()
        .route("/limited", any(limited))
        .route("/timed", any(timed));
    let service = Service::start(app).await;
    let limit = json!({"transient": {"limit.active": 2}});
    service
        .put("_routes/limited/settings", limit)
        .await
        .ok_json();
    let first = open(&service, "/limited").await;
    let second = open(&service, "/limited").await;
    service.wait_for("limited", "stats.req.active", 2).await;
    let refused = service.get("/limited").await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    let metrics = service.admin("_metrics").await.text;
    let of_route = |line: &&str| line.contains("in_flight") && line.contains("/limited");
    let line = metrics.lines().find(of_route).expect("a series");
    assert!(line.ends_with(" 2"), "{line}");
    drop(first);
    service.wait_for("limited", "stats.req.active", 1).await;
    let third = open(&service, "/limited").await;
    drop((second, third));
    let ends = [("completed", 3), ("rejected", 1)];
    service.wait_for_ends("limited", &ends).await;

    let timeout = json!({"transient": {"timeout": "300ms"}});
    service
        .put("_routes/closes_in_time/settings", timeout)
        .await
        .ok_json();
    let mut connection = open(&service, "/timed").await;
    let mut rest = Vec::new();
    let _ = connection.read_to_end(&mut rest).await;
    service
        .wait_for_ends("closes_in_time", &[("completed", 1)])
        .await;
}

/// Holds 4.47 of docs/admin-api.md.
#[tokio::test]
async fn interrupting_the_route_closes_its_sockets() {
    let service = Service::start(app()).await;
    let mut connections = [
        open(&service, "/closed").await,
        open(&service, "/closed").await,
    ];
    sockets(&service, "closed", 4).await;
    let report = service.post("_routes/closed/interrupt").await.ok_json();
    assert_eq!(report["interrupted"], 2, "{report:#}");
    for connection in &mut connections {
        let mut rest = Vec::new();
        // Closed by FIN or RST.
        let _ = connection.read_to_end(&mut rest).await;
    }
    let spared = sockets(&service, "closed", 2).await;
    assert!(
        spared.iter().all(|task| task["name"] == "spared"),
        "what the requests began besides goes on"
    );
    let report = service.post("_tasks/_cancel?routes=closed").await;
    assert_eq!(report.ok_json()["interrupted"], 2);
    sockets(&service, "closed", 0).await;
}

#[tokio::test]
async fn one_socket_is_closed_and_the_other_continues() {
    let service = Service::start(app()).await;
    let mut first = open(&service, "/chosen").await;
    let mut second = open(&service, "/chosen").await;
    let id = sockets(&service, "chosen", 2).await[0]["id"].clone();
    let report = service
        .post(&format!("_tasks/{id}/_cancel"))
        .await
        .ok_json();
    assert_eq!(report["interrupted"], 1);
    let mut rest = Vec::new();
    let _ = first.read_to_end(&mut rest).await;
    tokio::io::AsyncWriteExt::write_all(&mut second, &frame("still"))
        .await
        .expect("it is open");
    let mut echoed = [0; 7];
    second.read_exact(&mut echoed).await.expect("an echo");
    drop(second);
    sockets(&service, "chosen", 0).await;
}

#[tokio::test]
async fn an_untracked_socket_works_and_is_not_listed() {
    let service = Service::start(app()).await;
    let connection = open(&service, "/not_tracked").await;
    service
        .wait_for_ends("not_tracked", &[("completed", 1)])
        .await;
    sockets(&service, "not_tracked", 0).await;
    drop(connection);
}

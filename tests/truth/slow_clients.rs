//! Responses while the client reads them: the states of waiting, the ends, and long ones of a
//! known length.

use std::convert::Infallible;
use std::io;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::support::log::{LOG, turn};
use crate::support::{PATIENCE, Service};

static NEVER: Semaphore = Semaphore::const_new(0);

const LONG: usize = 64 << 20;

/// Waits until the only task of the route satisfies `is_it` and returns its row.
async fn wait_for_task(service: &Service, route: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tasks = service.tasks(route).await;
        if let [task] = tasks.as_slice()
            && is_it(task)
        {
            return task.clone();
        }
        assert!(Instant::now() < deadline, "{route}: {tasks:#?}");
        tokio::task::yield_now().await;
    }
}

fn awaits_client(task: &Value) -> bool {
    task["awaiting"] == "the client"
}

/// Waits until all buffers to the client are full and returns the row.
async fn wait_until_stuck(service: &Service, route: &str) -> Value {
    loop {
        let before = wait_for_task(service, route, awaits_client).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let after = wait_for_task(service, route, awaits_client).await;
        if before["bytes_sent"] == after["bytes_sent"] && after["bytes_sent"] != 0 {
            return after;
        }
    }
}

#[underscore_route(name = "fast_producer")]
async fn fast_producer() -> Body {
    let piece = Bytes::from(vec![b'x'; 1 << 16]);
    Body::from_stream(stream::repeat(Ok::<_, Infallible>(piece)))
}

/// Holds 3.75 of docs/admin-api.md.
#[tokio::test]
async fn a_stream_whose_client_does_not_read_waits_for_the_client() {
    let service = Service::start(Router::new().route("/", get(fast_producer))).await;
    let client = service.send_get().await;
    let task = wait_until_stuck(&service, "fast_producer").await;
    assert_eq!(task["where"], Value::Null, "{task:#}");
    let id = &task["id"];
    let printed = service
        .admin(&format!("_tasks/{id}/print_stack"))
        .await
        .text;
    assert!(
        printed.contains("waits for the client to take more"),
        "{printed}"
    );
    let tasks = service.admin_json("_tasks?group_by=parents").await;
    let task = &tasks["tasks"][id.to_string()];
    assert_eq!(task["awaiting"], "the client", "{task:#}");
    let stacks = service
        .admin_json("_cat/stacks/fast_producer?format=json")
        .await;
    assert_eq!(stacks[0]["stack"], "the client", "{stacks:#}");
    assert_eq!(stacks[0]["where"], Value::Null, "{stacks:#}");
    drop(client);
    service
        .wait_for_ends("fast_producer", &[("disconnected", 1)])
        .await;
}

#[underscore_frame]
async fn next_row() -> Option<(Result<Bytes, Infallible>, ())> {
    NEVER.acquire().await.expect("never closed").forget();
    None
}

#[underscore_route(name = "slow_producer")]
async fn slow_producer() -> Body {
    let first = stream::iter([Ok(Bytes::from_static(b"first"))]);
    Body::from_stream(first.chain(stream::unfold((), |()| next_row())))
}

/// Holds 3.75 of docs/admin-api.md.
#[tokio::test]
async fn a_stream_whose_producer_waits_shows_where_that_waits() {
    let service = Service::start(Router::new().route("/", get(slow_producer))).await;
    let _client = service.send_get().await;
    let is_it = |task: &Value| task["awaiting"] == "NEVER.acquire()";
    let task = wait_for_task(&service, "slow_producer", is_it).await;
    assert_eq!(task["state"], "streaming");
    assert_eq!(task["bytes_sent"], 5);
    service
        .post("_routes/slow_producer/interrupt")
        .await
        .ok_json();
}

/// Closed until the client has received the response head.
static HEAD_CAME: Semaphore = Semaphore::const_new(0);

#[underscore_route(name = "fails_midway")]
async fn fails_midway() -> Body {
    let first = stream::iter([Ok(Bytes::from_static(b"first"))]);
    let failure = stream::once(async {
        HEAD_CAME.acquire().await.expect("never closed").forget();
        let rest = "x".repeat(10_000);
        Err(io::Error::other(format!(
            "the database is gone\u{1b}[2J {rest}"
        )))
    });
    Body::from_stream(first.chain(failure))
}

/// Holds 3.29, 3.76, 7.24 of docs/admin-api.md.
#[tokio::test]
async fn a_body_that_fails_midway_counts_as_failed() {
    let _turn = turn().await;
    let service = Service::start(Router::new().route("/", get(fails_midway))).await;
    for _ in 0..3 {
        let sent = service.request(Method::GET, "/").send().await;
        let response = sent.expect("a head");
        HEAD_CAME.add_permits(1);
        response.bytes().await.expect_err("it fails");
    }
    let row = service
        .wait_for_ends("fails_midway", &[("failed", 3)])
        .await;
    assert_eq!(row["stats.end.completed"], 0);
    assert_eq!(row["stats.resp.status_2xx"], 3, "what the client got");
    let metrics = service.admin("_metrics").await.text;
    let series = |line: &&str| line.contains("end=\"failed\"") && line.contains("fails_midway");
    let line = metrics.lines().find(series).expect("a series");
    assert!(line.ends_with(" 3"), "{line}");
    let of_it = |line: &&String| line.contains("handler=\"truth::slow_clients::fails_midway\"");
    let lines = LOG.wait(|lines| lines.iter().any(|line| of_it(&line)));
    let line = lines.iter().find(of_it).expect("a line");
    assert!(line.starts_with("WARN "), "{line}");
    assert!(
        line.contains("error=the database is gone\\u{1b}[2J xxx"),
        "{line}"
    );
    assert!(line.len() < 700, "{line}");
    let now = lines.iter().filter(of_it).count();
    assert!(now <= 3, "at most one a second: {now}");
}

#[underscore_route(name = "long")]
async fn long() -> Vec<u8> {
    vec![b'x'; LONG]
}

fn service_of_long() -> impl Future<Output = Service> {
    Service::start(Router::new().route("/", get(long)))
}

/// Reads a response head.
async fn head_of(client: &mut tokio::net::TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.expect("a head"));
    }
    String::from_utf8(head).expect("a text")
}

/// Holds 3.28, 3.77, 4.43, 4.71 of docs/admin-api.md.
#[tokio::test]
async fn a_long_body_of_known_length_is_in_flight_while_its_client_reads_it() {
    let service = service_of_long().await;
    let mut stalled = service.send_get().await;
    let head = head_of(&mut stalled).await;
    assert!(
        head.contains(&format!("content-length: {LONG}\r\n")),
        "{head}"
    );
    assert!(!head.contains("chunked"), "{head}");
    let task = wait_until_stuck(&service, "long").await;
    assert_eq!(task["state"], "streaming");
    let sent = task["bytes_sent"].as_u64().expect("a number");
    assert!(sent < LONG as u64, "{sent}");
    let row = service.route("long").await;
    assert_eq!(
        (&row["stats.req.active"], &row["stats.end.completed"]),
        (&json!(1), &json!(0))
    );

    let report = service.post("_routes/long/interrupt").await.ok_json();
    assert_eq!(report["interrupted"], 1, "{report:#}");
    let mut read = Vec::new();
    let _ = stalled.read_to_end(&mut read).await;
    assert!(read.len() < LONG, "it is broken off");

    let leaves = service.send_get().await;
    wait_until_stuck(&service, "long").await;
    drop(leaves);
    service.wait_for("long", "stats.end.disconnected", 1).await;

    let limit = json!({"transient": {"limit.active": 1}});
    service.put("_routes/long/settings", limit).await.ok_json();
    let holds = service.send_get().await;
    wait_until_stuck(&service, "long").await;
    assert_eq!(service.get("/").await.status, 503, "the limit is reached");
    drop(holds);
    service.wait_for("long", "stats.end.disconnected", 2).await;

    let timeout = json!({"transient": {"limit.active": null, "timeout": "300ms"}});
    service
        .put("_routes/long/settings", timeout)
        .await
        .ok_json();
    let _stalled = service.send_get().await;
    let ends = [
        ("interrupted", 1),
        ("disconnected", 2),
        ("rejected", 1),
        ("expired", 1),
    ];
    service.wait_for_ends("long", &ends).await;
}

#[underscore_route(name = "taken")]
async fn taken() -> Vec<u8> {
    vec![b'x'; LONG]
}

#[underscore_route(name = "short")]
async fn short() -> Vec<u8> {
    vec![b'x'; 400_000]
}

/// Holds 3.77 of docs/admin-api.md.
#[tokio::test]
async fn a_long_body_that_is_read_whole_is_completed() {
    let app = Router::new()
        .route("/taken", get(taken))
        .route("/short", get(short));
    let service = Service::start(app).await;
    let answer = service.get("/taken").await;
    assert_eq!(answer.text.len(), LONG);
    assert_eq!(answer.headers["content-length"], LONG.to_string());
    service.wait_for_ends("taken", &[("completed", 1)]).await;

    let http2 = Client::builder()
        .http2_prior_knowledge()
        .build()
        .expect("a client");
    let answer = http2
        .get(service.url("/taken"))
        .send()
        .await
        .expect("a head");
    assert_eq!(answer.headers()["content-length"], LONG.to_string());
    assert_eq!(answer.bytes().await.expect("a body").len(), LONG);
    service.wait_for_ends("taken", &[("completed", 2)]).await;

    let head = service.request(Method::HEAD, "/taken").send().await;
    let length = head.expect("a head").headers()["content-length"].clone();
    assert_eq!(length, LONG.to_string());
    service.wait_for_ends("taken", &[("completed", 3)]).await;

    assert_eq!(service.get("/short").await.text.len(), 400_000);
    service.wait_for_ends("short", &[("completed", 1)]).await;
}

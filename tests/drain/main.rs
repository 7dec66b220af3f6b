//! A graceful shutdown that ends in spite of open connections. In its own process, because a drain
//! cannot be undone.

#![allow(missing_docs, unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

use std::time::Instant;

use axum::Router;
use axum::response::Sse;
use axum::response::sse::Event;
use axum::routing::get;
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::Value;
use support::{PATIENCE, Service, bind, send, talk};
use tokio::io::AsyncReadExt;
use underscore_runtime::{AdminBuilder, drained, listen, underscore_route};

#[underscore_route(name = "drain.events")]
async fn events() -> Sse<impl Stream<Item = Result<Event, std::convert::Infallible>>> {
    let first = stream::iter([Ok(Event::default().data("first"))]);
    Sse::new(first.chain(stream::pending()))
}

#[underscore_route(name = "drain.answers")]
async fn answers() -> &'static str {
    "answer"
}

async fn states(service: &Service) -> Value {
    service.admin_json("_drain").await["states"].clone()
}

/// A drain that no shutdown waits for is refused, and so is one with an unknown state.
async fn a_drain_is_refused(service: &Service) {
    let error = service.post("_drain").await;
    assert_eq!(error.status, 409);
    assert_eq!(error.error().0, "illegal_state_exception");
    assert!(
        error.text.contains("underscore_runtime::drained"),
        "{}",
        error.text
    );

    let (_, reason) = service.post("_drain?close=idel").await.error();
    assert!(
        reason.contains("parameter [close]") && reason.contains("did you mean [idle]"),
        "{reason}"
    );
}

/// Holds 9.12, 9.13, 9.14, 9.15, 1.48, 1.49 of docs/admin-api.md.
#[tokio::test]
async fn a_shutdown_with_clients_that_stay_ends_by_two_calls() {
    let app = Router::new()
        .route("/events", get(events))
        .route("/answers", get(answers));
    let listener = bind().await;
    let address = listener.local_addr().expect("it is bound");
    let service = Service::with_admin(address, &AdminBuilder::new());
    a_drain_is_refused(&service).await;

    let server = axum::serve(listen(listener), app);
    let server = server.with_graceful_shutdown(drained(std::future::pending::<()>()));
    let server = tokio::spawn(server.into_future());
    let before = service.admin_json("_drain").await;
    assert_eq!(before["draining"], false);
    assert_eq!(before["draining_for_in_seconds"], Value::Null);

    let mut sse = service.connect().await;
    let head = "GET /events HTTP/1.1\r\nhost: x\r\n\r\n";
    assert!(talk(&mut sse, head, "first").await.contains("first"));
    let mut idle = service.connect().await;
    talk(
        &mut idle,
        "GET /answers HTTP/1.1\r\nhost: x\r\n\r\n",
        "answer",
    )
    .await;
    // On HTTP/2, a connection with a stream that does not end, and one without a request.
    let client = || reqwest::Client::builder().http2_prior_knowledge().build();
    let (http2_sse, http2_idle) = (client().expect("a client"), client().expect("a client"));
    let mut http2_events = http2_sse
        .get(service.url("/events"))
        .send()
        .await
        .expect("a head");
    assert!(http2_events.chunk().await.expect("a chunk").is_some());
    let answer = http2_idle.get(service.url("/answers")).send().await;
    assert_eq!(
        answer.expect("an answer").text().await.expect("a body"),
        "answer"
    );
    let spare = service.connect().await;
    let mut half = service.connect().await;
    send(&mut half, "GET /ans").await;
    let deadline = Instant::now() + PATIENCE;
    let all = serde_json::json!({"new": 1, "head": 1, "active": 2, "idle": 2});
    while states(&service).await != all {
        assert!(Instant::now() < deadline, "{}", states(&service).await);
    }
    let hit = service
        .post("_drain?close=idle,new&dry_run")
        .await
        .ok_json();
    assert_eq!(hit["would_hit"]["connections"], 3);
    assert_eq!(hit["draining"], false);

    // The one that is idle is closed by hyper, the one with half a head and the spare one are not.
    let drain = service.post("_drain?close=idle,new,head&timeout=1s").await;
    let drain = drain.ok_json();
    assert_eq!(drain["draining"], true);
    assert_eq!(drain["left"], 2, "{drain:#}");
    assert_eq!(drain["states"], serde_json::json!({"active": 2}));
    assert_eq!(drain["next"], "POST /_connections/_close?state=active");
    assert!(!server.is_finished());

    let lines = service.admin_builder(
        reqwest::Method::POST,
        "_drain?timeout=20s&filter_path=left,next",
    );
    let lines = lines.header("accept", "application/x-ndjson").send();
    let mut lines = lines.await.expect("an answer");
    assert_eq!(lines.headers()["content-type"], "application/x-ndjson");
    let first = lines.chunk().await.expect("a line").expect("a line");
    let first: Value = serde_json::from_slice(&first).expect("JSON");
    assert_eq!(first, serde_json::json!({"left": 2}));
    let report = service
        .post("_routes/drain.events/interrupt")
        .await
        .ok_json();
    assert_eq!(report["interrupted"], 2);
    let ended = tokio::time::timeout(PATIENCE, server).await;
    ended
        .expect("the server ends")
        .expect("no panic")
        .expect("no error");
    let last = loop {
        let line = lines.chunk().await.expect("a line").expect("a line");
        let line: Value = serde_json::from_slice(&line).expect("JSON");
        if line["left"] == 0 {
            break line;
        }
    };
    assert_eq!(last["next"], Value::Null);
    assert_eq!(lines.chunk().await.expect("the end"), None);
    for mut client in [sse, idle, spare, half] {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, client.read_to_end(&mut rest)).await;
        let _ = read.expect("it is closed");
    }
    let text = service.post("_drain?format=text").await;
    assert!(text.text.contains(": 0 left; 0 closed"), "{}", text.text);
}

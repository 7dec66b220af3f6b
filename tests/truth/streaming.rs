//! A streamed response is a task until its last byte, for every kind of end and however slowly its
//! client reads.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::get;
use hyper::body::Frame;
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use underscore_runtime::underscore_route;

use crate::support::{PATIENCE, PanicsWhenDropped, Service};

/// A body whose frames a test sends. It holds a permit until it is dropped.
struct Pieces {
    coming: mpsc::UnboundedReceiver<Bytes>,
    _held: OwnedSemaphorePermit,
    bomb: Option<PanicsWhenDropped>,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let polled = self.coming.poll_recv(cx);
        polled.map(|piece| {
            let piece = piece?;
            assert_ne!(piece, "panic", "on purpose");
            Some(Ok(Frame::data(piece)))
        })
    }
}

/// State of the handlers: the permits of their bodies, and the channel for their senders.
#[derive(Clone)]
struct Streams {
    permits: Arc<Semaphore>,
    senders: mpsc::UnboundedSender<mpsc::UnboundedSender<Bytes>>,
}

impl Streams {
    fn body(&self) -> Pieces {
        let (sender, coming) = mpsc::unbounded_channel();
        self.senders.send(sender).expect("the test listens");
        Pieces {
            coming,
            _held: Arc::clone(&self.permits)
                .try_acquire_owned()
                .expect("a permit is free"),
            bomb: None,
        }
    }
}

/// A service with one streaming route, and a sender for each request.
struct Fixture {
    service: Service,
    permits: Arc<Semaphore>,
    senders: mpsc::UnboundedReceiver<mpsc::UnboundedSender<Bytes>>,
    route: &'static str,
}

const PERMITS: usize = 4;

impl Fixture {
    async fn start(route: &'static str, app: Router<Streams>) -> Self {
        let permits = Arc::new(Semaphore::new(PERMITS));
        let (senders, receiver) = mpsc::unbounded_channel();
        let streams = Streams {
            permits: Arc::clone(&permits),
            senders,
        };
        Fixture {
            service: Service::start(app.with_state(streams)).await,
            permits,
            senders: receiver,
            route,
        }
    }

    async fn sender(&mut self) -> mpsc::UnboundedSender<Bytes> {
        self.senders.recv().await.expect("a request came")
    }

    /// Waits until the only task of the route streams and has sent this many bytes.
    async fn wait_for_bytes(&self, bytes: u64) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let tasks = self.service.tasks(self.route).await;
            if let [task] = tasks.as_slice()
                && task["state"] == "streaming"
                && task["bytes_sent"] == bytes
            {
                return task.clone();
            }
            assert!(Instant::now() < deadline, "never {bytes}: {tasks:#?}");
            tokio::task::yield_now().await;
        }
    }

    fn assert_all_released(&self) {
        assert_eq!(self.permits.available_permits(), PERMITS);
    }
}

fn piece(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[underscore_route(name = "whole")]
async fn whole(State(streams): State<Streams>) -> Body {
    Body::new(streams.body())
}

/// Holds 3.28, 3.43, 3.52 of docs/admin-api.md.
#[tokio::test]
async fn a_stream_is_a_task_until_its_last_byte() {
    let mut fixture = Fixture::start("whole", Router::new().route("/", get(whole))).await;
    let client = tokio::spawn(fixture.service.request(Method::GET, "/").send());
    let sender = fixture.sender().await;
    let task = fixture.wait_for_bytes(0).await;
    assert_eq!(task["cancellable"], true);
    let response = client.await.expect("no panic").expect("the head came");
    sender.send(piece("hello ")).expect("it is read");
    fixture.wait_for_bytes(6).await;
    sender.send(piece("world")).expect("it is read");
    let listed = fixture.wait_for_bytes(11).await["id"].to_string();
    let filtered = fixture
        .service
        .admin("_cat/tasks?state=streaming&h=id")
        .await;
    assert!(filtered.text.lines().any(|id| id.trim() == listed));
    let row = fixture.service.route("whole").await;
    assert_eq!(row["stats.req.active"], 1, "until the last byte");
    assert_eq!(row["stats.end.completed"], 0);
    drop(sender);
    assert_eq!(response.text().await.expect("a whole body"), "hello world");
    let row = fixture
        .service
        .wait_for_ends("whole", &[("completed", 1)])
        .await;
    assert_eq!(row["stats.resp.status_2xx"], 1);
    assert!(row["stats.resp.time_avg_1m"].is_number(), "{row:#}");
    fixture.assert_all_released();
}

#[underscore_route(name = "interrupted")]
async fn interrupted(State(streams): State<Streams>) -> Body {
    Body::new(streams.body())
}

/// Holds 3.32, 3.39, 4.43 of docs/admin-api.md.
#[tokio::test]
async fn an_interrupted_stream_ends_with_an_error_at_the_client() {
    let mut fixture =
        Fixture::start("interrupted", Router::new().route("/", get(interrupted))).await;
    let client = tokio::spawn(fixture.service.request(Method::GET, "/").send());
    let sender = fixture.sender().await;
    sender.send(piece("hello")).expect("it is read");
    fixture.wait_for_bytes(5).await;
    let report = fixture
        .service
        .post("_routes/interrupted/interrupt")
        .await
        .ok_json();
    assert_eq!(report["interrupted"], 1, "{report:#}");
    fixture.assert_all_released();
    let response = client.await.expect("no panic").expect("the head came");
    assert_eq!(response.status(), 200);
    response.bytes().await.expect_err("not a clean end");
    let row = fixture
        .service
        .wait_for_ends("interrupted", &[("interrupted", 1)])
        .await;
    assert_eq!(row["stats.resp.status_2xx"], 1, "what its client got");
}

#[underscore_route(name = "stalled")]
async fn stalled(State(streams): State<Streams>) -> Body {
    Body::new(streams.body())
}

/// Holds 4.43 of docs/admin-api.md.
#[tokio::test]
async fn a_stream_whose_client_does_not_read_is_interrupted_at_once() {
    let mut fixture = Fixture::start("stalled", Router::new().route("/", get(stalled))).await;
    let mut client = fixture.service.send_get().await;
    let sender = fixture.sender().await;
    let large = Bytes::from(vec![b'x'; 1 << 20]);
    // More than all buffers hold, so the connection stops polling the body.
    let mut sent = 0;
    let deadline = Instant::now() + PATIENCE;
    while sender.send(large.clone()).is_ok() && sent < 64 {
        sent += 1;
    }
    let stuck = loop {
        let bytes = fixture.service.tasks("stalled").await[0]["bytes_sent"].clone();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let later = fixture.service.tasks("stalled").await[0]["bytes_sent"].clone();
        if bytes == later && bytes != 0 {
            break later.as_u64().expect("a number");
        }
        assert!(Instant::now() < deadline, "it never stops");
    };
    assert!(stuck < 64 << 20, "the client's pace was not waited for");
    let report = fixture
        .service
        .post("_routes/stalled/interrupt")
        .await
        .ok_json();
    assert_eq!(report["interrupted"], 1, "{report:#}");
    fixture.assert_all_released();
    fixture
        .service
        .wait_for_ends("stalled", &[("interrupted", 1)])
        .await;
    let mut read = Vec::new();
    let _ = client.read_to_end(&mut read).await;
    assert!(!read.ends_with(b"0\r\n\r\n"), "no clean end");
}

#[underscore_route(name = "left")]
async fn left(State(streams): State<Streams>) -> Body {
    Body::new(streams.body())
}

/// Holds 3.31 of docs/admin-api.md.
#[tokio::test]
async fn a_client_that_leaves_in_the_middle_is_disconnected() {
    let mut fixture = Fixture::start("left", Router::new().route("/", get(left))).await;
    let client = fixture.service.send_get().await;
    let sender = fixture.sender().await;
    sender.send(piece("hello")).expect("it is read");
    fixture.wait_for_bytes(5).await;
    drop(client);
    let row = fixture
        .service
        .wait_for_ends("left", &[("disconnected", 1)])
        .await;
    assert_eq!(row["stats.resp.status_2xx"], 1, "it had its head");
    fixture.assert_all_released();
}

#[underscore_route(name = "failing")]
async fn failing(State(streams): State<Streams>) -> Body {
    Body::new(streams.body())
}

/// Holds 3.33 of docs/admin-api.md.
#[tokio::test]
async fn a_body_that_panics_is_counted_as_such() {
    let mut fixture = Fixture::start("failing", Router::new().route("/", get(failing))).await;
    let client = tokio::spawn(fixture.service.request(Method::GET, "/").send());
    let sender = fixture.sender().await;
    sender.send(piece("panic")).expect("it is read");
    let response = client.await.expect("no panic");
    if let Ok(response) = response {
        response.bytes().await.expect_err("not a clean end");
    }
    fixture
        .service
        .wait_for_ends("failing", &[("panicked", 1)])
        .await;
    fixture.assert_all_released();
}

#[underscore_route(name = "bomb")]
async fn bomb(State(streams): State<Streams>) -> Body {
    let mut body = streams.body();
    body.bomb = Some(PanicsWhenDropped);
    Body::new(body)
}

#[tokio::test]
async fn a_body_that_panics_when_it_is_dropped_does_not_stay_listed() {
    let mut fixture = Fixture::start("bomb", Router::new().route("/", get(bomb))).await;
    let client = tokio::spawn(fixture.service.request(Method::GET, "/").send());
    let _sender = fixture.sender().await;
    fixture.wait_for_bytes(0).await;
    fixture
        .service
        .post("_routes/bomb/interrupt")
        .await
        .ok_json();
    fixture
        .service
        .wait_for_ends("bomb", &[("panicked", 1)])
        .await;
    fixture.assert_all_released();
    let response = client.await.expect("no panic").expect("the head came");
    response.bytes().await.expect_err("not a clean end");
}

#[underscore_route(get, "/", name = "head")]
async fn head(State(streams): State<Streams>) -> Body {
    Body::new(streams.body())
}

#[tokio::test]
async fn a_response_to_head_ends_without_its_body() {
    let mut fixture = Fixture::start("head", Router::new().route("/", get(head))).await;
    let answer = fixture.service.request(Method::HEAD, "/").send().await;
    assert_eq!(answer.expect("it answers").status(), 200);
    let _sender = fixture.sender().await;
    fixture
        .service
        .wait_for_ends("head", &[("completed", 1)])
        .await;
    fixture.assert_all_released();
}

#[underscore_route(name = "http2")]
async fn http2(State(streams): State<Streams>) -> Body {
    Body::new(streams.body())
}

#[tokio::test]
async fn an_interrupted_http2_stream_leaves_the_others_of_its_connection_alone() {
    let mut fixture = Fixture::start("http2", Router::new().route("/", get(http2))).await;
    let client = Client::builder()
        .http2_prior_knowledge()
        .build()
        .expect("a client");
    let url = fixture.service.url("/");
    let mut responses = Vec::new();
    let mut senders = Vec::new();
    for _ in 0..3 {
        let response = tokio::spawn(client.get(&url).send());
        let sender = fixture.sender().await;
        sender.send(piece("begun ")).expect("it is read");
        let response = response.await.expect("no panic").expect("the head came");
        assert_eq!(response.version(), reqwest::Version::HTTP_2);
        responses.push(response);
        senders.push(sender);
    }
    let tasks = fixture.service.tasks("http2").await;
    assert_eq!(tasks.len(), 3);
    let remotes: Vec<&Value> = tasks.iter().map(|task| &task["remote"]).collect();
    assert!(
        remotes.iter().all(|it| *it == remotes[0]),
        "one connection: {remotes:?}"
    );
    assert_eq!(tasks[1]["http_version"], "HTTP/2.0");
    let path = format!("_tasks/{}/_cancel", tasks[1]["id"]);
    assert_eq!(
        fixture.service.post(&path).await.ok_json()["interrupted"],
        1
    );
    for sender in senders {
        // The interrupted one has no receiver.
        let _ = sender.send(piece("and ended"));
    }
    let mut bodies = Vec::new();
    for response in responses {
        bodies.push(response.text().await.ok());
    }
    let whole = Some("begun and ended".to_owned());
    assert_eq!(bodies, [whole.clone(), None, whole]);
    let ends = [("completed", 2), ("interrupted", 1)];
    fixture.service.wait_for_ends("http2", &ends).await;
    fixture.assert_all_released();
}

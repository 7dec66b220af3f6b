//! A service with annotated handlers as its clients see it, with and without the feature `admin`:
//! `cargo test -p underscore-runtime --no-default-features --test annotated`.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use http_body::Frame;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use underscore_runtime::{
    Interrupted, RouterExt, spawn, spawn_blocking, track, underscore_frame, underscore_route,
};

/// Longer than anything takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// More than a connection takes at once.
const LONG: usize = 3 << 20;

#[derive(Clone, Default)]
struct App {
    begun: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

#[underscore_frame]
async fn double(number: u32) -> u32 {
    tokio::task::yield_now().await;
    number * 2
}

#[underscore_route(get, "/double/{number}", inner = doubled_inner)]
async fn doubled(Path(number): Path<u32>) -> Json<u32> {
    Json(double(number).await)
}

#[underscore_route(get, "/health")]
async fn health() -> &'static str {
    "well"
}

#[underscore_route(post, "/length")]
async fn length(method: Method, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let announced = headers["content-length"].to_str().unwrap_or("none");
    let text = format!("{method} {announced} {}", body.len());
    (StatusCode::CREATED, text)
}

#[underscore_route(get, "/long")]
async fn long() -> Bytes {
    Bytes::from(vec![b'x'; LONG])
}

#[underscore_route(get, "/countdown")]
async fn countdown() -> Body {
    Body::new(Countdown(3))
}

/// A body of unknown length: its digits from the highest to `0`.
struct Countdown(u8);

impl HttpBody for Countdown {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.checked_sub(1).map(|left| {
            self.0 = left;
            Ok(Frame::data(Bytes::from(left.to_string())))
        }))
    }
}

#[underscore_route(get, "/chat")]
async fn chat(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        let echo = async {
            while let Some(Ok(message)) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
        };
        let _ = track("chat", echo).await;
    })
}

#[underscore_route]
async fn works() -> String {
    let sent = spawn("send the mail", async { "sent" });
    let sum = spawn_blocking("add up", || (1..=4).sum::<u32>());
    let read = track("read the cache", async { double(21).await }).await;
    let sent = sent.await.expect("it neither panics nor is aborted");
    let sum = sum.await.expect("it neither panics nor is aborted");
    let answer = sent.and_then(|sent| Ok(format!("{sent} {} {}", sum?, read?)));
    answer.unwrap_or_else(|_: Interrupted| "interrupted".to_owned())
}

/// Counts when it is dropped.
struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[underscore_route]
async fn hangs(State(app): State<App>) {
    let _permit = Permit(app.dropped);
    app.begun.fetch_add(1, Ordering::SeqCst);
    std::future::pending::<()>().await;
}

/// Serves on worker threads until the runtime is dropped.
fn serve(app: &App) -> (Runtime, SocketAddr) {
    let router = Router::new()
        .mount(doubled)
        .mount(health)
        .mount(length)
        .mount(long)
        .mount(countdown)
        .mount(chat)
        .route("/works", get(works))
        .route("/hangs", get(hangs))
        .with_state(app.clone());
    let runtime = Runtime::new().expect("threads can be had");
    let bound = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)));
    let listener = bound.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    runtime.spawn(axum::serve(listener, router).into_future());
    (runtime, address)
}

/// Sends a request: its first line without the version, further headers, and its body.
fn send(address: SocketAddr, line: &str, headers: &str, body: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("is set");
    let request = format!("{line} HTTP/1.1\r\nHost: service\r\n{headers}\r\n{body}");
    client.write_all(request.as_bytes()).expect("it is taken");
    client
}

/// The status and the body of a response.
fn ask(address: SocketAddr, line: &str, body: &str) -> (String, String) {
    let length = body.len();
    let headers = format!("Connection: close\r\nContent-Length: {length}\r\n");
    let mut answer = String::new();
    let read = send(address, line, &headers, body).read_to_string(&mut answer);
    read.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.to_owned(), body.to_owned())
}

fn answer(status: &str, body: &str) -> (String, String) {
    (status.to_owned(), body.to_owned())
}

fn wait_for_one(count: &AtomicUsize) {
    let deadline = Instant::now() + PATIENCE;
    while count.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < deadline, "in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn requests_are_answered_with_and_without_arguments() {
    let (_runtime, address) = serve(&App::default());
    assert_eq!(ask(address, "GET /health", ""), answer("200", "well"));
    assert_eq!(ask(address, "GET /double/21", ""), answer("200", "42"));
    let sent = ask(address, "POST /length", "some text");
    assert_eq!(sent, answer("201", "POST 9 9"));
}

#[test]
fn a_rejection_of_an_extractor_is_the_response() {
    let (_runtime, address) = serve(&App::default());
    let (status, body) = ask(address, "GET /double/none", "");
    assert_eq!(status, "400");
    assert!(body.starts_with("Invalid URL: "), "{body}");
}

#[test]
fn tracked_and_spawned_work_is_done() {
    let (_runtime, address) = serve(&App::default());
    assert_eq!(ask(address, "GET /works", ""), answer("200", "sent 10 42"));
}

#[test]
fn long_and_streamed_bodies_arrive_whole() {
    let (_runtime, address) = serve(&App::default());
    let (status, body) = ask(address, "GET /long", "");
    assert_eq!((&*status, body.len()), ("200", LONG));
    let chunks = "1\r\n2\r\n1\r\n1\r\n1\r\n0\r\n0\r\n\r\n";
    assert_eq!(ask(address, "GET /countdown", ""), answer("200", chunks));
}

#[test]
fn a_websocket_echoes() {
    let (_runtime, address) = serve(&App::default());
    let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut client = send(address, "GET /chat", headers, "");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("an answer");
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{head:?}");
    // A masked text frame, and the same unmasked.
    client
        .write_all(b"\x81\x82\0\0\0\0hi")
        .expect("it is taken");
    let mut echo = [0; 4];
    client.read_exact(&mut echo).expect("an echo");
    assert_eq!(&echo, b"\x81\x02hi");
}

#[test]
fn a_handler_is_dropped_when_its_client_leaves() {
    let app = App::default();
    let (_runtime, address) = serve(&app);
    let client = send(address, "GET /hangs", "", "");
    wait_for_one(&app.begun);
    assert_eq!(app.dropped.load(Ordering::SeqCst), 0);
    drop(client);
    wait_for_one(&app.dropped);
}

#[tokio::test]
async fn the_plain_function_is_still_there() {
    assert_eq!(doubled_inner(Path(4)).await.0, 8);
}

/// Without `admin`, an await and tracked work are the plain futures: no record is kept.
#[cfg(not(feature = "admin"))]
#[tokio::test]
async fn nothing_is_recorded_without_admin() {
    use std::mem::size_of_val;
    let number = std::future::ready(7);
    let plain = size_of_val(&number);
    let tracked = track("a name that no future keeps", number);
    // The output, and the state of an `async` block.
    assert!(size_of_val(&tracked) <= 2 * plain + size_of::<usize>());
    assert_eq!(tracked.await, Ok(7));
    assert_eq!(size_of_val(&double(1)), size_of_val(&plain_double(1)));
    assert_eq!(size_of::<underscore_runtime::__private::AwaitPoint>(), 0);
    assert_eq!(size_of::<underscore_runtime::__private::HandlerEntry>(), 0);
}

#[cfg(not(feature = "admin"))]
async fn plain_double(number: u32) -> u32 {
    tokio::task::yield_now().await;
    number * 2
}

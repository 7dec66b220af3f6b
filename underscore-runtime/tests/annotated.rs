//! A service with annotated handlers as clients see it, with the feature `admin` and without: nothing here looks at what
//! it does. `cargo test -p underscore-runtime --no-default-features --test annotated`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use underscore_runtime::{Interrupted, spawn, track, underscore_frame, underscore_route};

/// Longer than anything takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

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

#[underscore_route]
async fn works() -> String {
    let sent = spawn("send the mail", async { "sent" });
    let read = track("read the cache", async { double(21).await }).await;
    let sent = sent.await.expect("it neither panics nor is aborted");
    let nobody_ends_it = |_: Interrupted| "interrupted".to_owned();
    let answer = sent.and_then(|sent| Ok(format!("{sent} {}", read?)));
    answer.unwrap_or_else(nobody_ends_it)
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
        .route("/double/{number}", get(doubled))
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

fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("is set");
    let request = format!("GET {path} HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).expect("it is taken");
    client
}

/// The status and the body.
fn get_text(address: SocketAddr, path: &str) -> (String, String) {
    let mut answer = String::new();
    let read = ask(address, path).read_to_string(&mut answer);
    read.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
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
fn requests_are_answered_and_tracked_work_is_done() {
    let (_runtime, address) = serve(&App::default());
    let answer = |status: &str, body: &str| (status.to_owned(), body.to_owned());
    assert_eq!(get_text(address, "/double/21"), answer("200", "42"));
    assert_eq!(get_text(address, "/works"), answer("200", "sent 42"));
    let (status, _) = get_text(address, "/double/none");
    assert_eq!(status, "400", "what an extractor rejects");
}

#[test]
fn a_handler_is_dropped_when_its_client_leaves() {
    let app = App::default();
    let (_runtime, address) = serve(&app);
    let client = ask(address, "/hangs");
    wait_for_one(&app.begun);
    assert_eq!(app.dropped.load(Ordering::SeqCst), 0);
    drop(client);
    wait_for_one(&app.dropped);
}

#[tokio::test]
async fn the_plain_function_is_still_there() {
    assert_eq!(doubled_inner(Path(4)).await.0, 8);
}

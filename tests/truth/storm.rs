//! Hundreds of requests on two workers, with clients that leave, interrupts and changes of settings
//! at the same time. The tables are correct at any time, and in the end the counters are those
//! of the clients.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::time::sleep;
use underscore_runtime::underscore_route;

use crate::admin::Operator;
use crate::hand::{Sent, row, send_to};
use crate::model::Row;
use crate::play::read;
use crate::script::panic_silently;

const REQUESTS: u64 = 3_000;
const AT_ONCE: usize = 48;

/// Pseudorandom numbers, the same in every run: `SplitMix64` by Sebastiano Vigna.
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A body of several frames with a pause before each.
struct Slow {
    left: u64,
    pause: Pin<Box<tokio::time::Sleep>>,
}

impl HttpBody for Slow {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::ready!(self.pause.as_mut().poll(cx));
        self.pause = Box::pin(sleep(Duration::from_millis(1)));
        let Some(left) = self.left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece")))))
    }
}

#[underscore_route(name = "storm")]
async fn storm(Path(number): Path<u64>) -> Response {
    let random = mixed(number);
    for _ in 0..random % 5 {
        match random >> 8 & 1 {
            0 => tokio::task::yield_now().await,
            _ => sleep(Duration::from_millis(random >> 16 & 3)).await,
        }
    }
    match random >> 24 & 15 {
        0 => panic_silently(),
        1..=4 => {
            let left = random >> 32 & 7;
            let pause = Box::pin(sleep(Duration::ZERO));
            Body::new(Slow { left, pause }).into_response()
        }
        _ => "whole".into_response(),
    }
}

/// Counters of the clients.
#[derive(Debug, Default)]
struct Seen {
    begun: AtomicU64,
    /// Complete responses of the handler.
    completed: AtomicU64,
    /// Responses 503 and 429, by their text.
    interrupted: AtomicU64,
    refused: AtomicU64,
    panicked: AtomicU64,
    /// Requests dropped before a response.
    left: AtomicU64,
    /// Bodies dropped midway, which an interrupt may have ended before.
    left_body: AtomicU64,
    /// Bodies that broke off.
    broken_off: AtomicU64,
    /// URIs of requests that have ended.
    over: Mutex<HashSet<String>>,
}

/// A request from its client's side, which may be dropped at any time.
struct Client {
    sent: Option<Sent>,
    body: Option<Body>,
    read: Vec<u8>,
    status: u16,
    uri: String,
    is_begun: bool,
    seen: Arc<Seen>,
}

impl Client {
    fn over(&mut self, count: impl Fn(&Seen) -> &AtomicU64) {
        self.sent = None;
        self.body = None;
        count(&self.seen).fetch_add(1, Ordering::SeqCst);
    }

    /// As before, if nothing else may be ending it: an interrupt drops a body later.
    fn surely_over(&mut self, count: impl Fn(&Seen) -> &AtomicU64) {
        self.over(count);
        let uri = std::mem::take(&mut self.uri);
        self.seen.over.lock().expect("whole").insert(uri);
    }

    fn answered(&mut self) {
        let text = String::from_utf8_lossy(&self.read).into_owned();
        match self.status {
            200 => self.surely_over(|seen| &seen.completed),
            _ if text.contains("request_interrupted") => self.surely_over(|seen| &seen.interrupted),
            _ => self.surely_over(|seen| &seen.refused),
        }
    }
}

impl Future for Client {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !std::mem::replace(&mut self.is_begun, true) {
            self.seen.begun.fetch_add(1, Ordering::SeqCst);
        }
        if let Some(sent) = &mut self.sent {
            let polled = catch_unwind(AssertUnwindSafe(|| sent.as_mut().poll(cx)));
            let Ok(polled) = polled else {
                self.surely_over(|seen| &seen.panicked);
                return Poll::Ready(());
            };
            let response = std::task::ready!(polled);
            self.status = response.status().as_u16();
            self.body = Some(response.into_body());
            self.sent = None;
        }
        while let Some(body) = &mut self.body {
            match std::task::ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => self.read.extend(frame.into_data().unwrap_or_default()),
                Some(Err(_)) => self.over(|seen| &seen.broken_off),
                None => self.answered(),
            }
        }
        Poll::Ready(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.is_begun && self.sent.is_some() {
            self.surely_over(|seen| &seen.left);
        } else if self.body.is_some() {
            self.over(|seen| &seen.left_body);
        }
    }
}

/// Reads, interrupts and changes settings until it is stopped. Returns the number of reads.
fn operate(seen: &Seen, stop: &AtomicBool) -> u64 {
    let mut operator = Operator::connect();
    let mut before = Row::default();
    let mut looks = 0;
    while !stop.load(Ordering::SeqCst) {
        let over: HashSet<String> = seen.over.lock().expect("whole").clone();
        let tasks = operator.rows("_cat/tasks?routes=storm&format=json&h=id,uri&size=1000");
        check_list(&tasks, &over);
        let shown = read(&operator.rows("_cat/routes/storm?format=json&h=*")[0]);
        check_row(&shown, &before, seen);
        before = shown;
        match mixed(looks) % 6 {
            0 => {
                operator.post("_routes/storm/interrupt?wait_for_completion=false");
            }
            1 => put(
                &mut operator,
                &json!({"preempt.status": 418, "preempt.ratio": 0.5}),
            ),
            2 => put(&mut operator, &json!({"limit.active": AT_ONCE / 2})),
            _ => put(&mut operator, &json!({"*": null})),
        }
        looks += 1;
    }
    put(&mut operator, &json!({"*": null}));
    looks
}

fn put(operator: &mut Operator, settings: &Value) {
    operator.put("_routes/storm/settings", &json!({"transient": settings}));
}

/// Asserts that no task is listed twice or after its end.
fn check_list(tasks: &[Value], over: &HashSet<String>) {
    let mut listed = HashSet::new();
    for task in tasks {
        assert!(listed.insert(task["id"].as_u64()), "twice: {task}");
        let uri = task["uri"].as_str().expect("a URI");
        assert!(!over.contains(uri), "it is over: {task}");
    }
}

/// Asserts that ends and requests in flight add up to the total, and that no counter falls.
fn check_row(row: &Row, before: &Row, seen: &Seen) {
    assert_eq!(
        row.total,
        row.active + row.ends.iter().sum::<u64>(),
        "{row:?}"
    );
    assert!(row.total >= before.total, "{row:?} after {before:?}");
    assert!(row.total <= seen.begun.load(Ordering::SeqCst));
    assert!(row.active <= AT_ONCE as u64, "{row:?}");
    let counted = row.ends.iter().chain(&row.classes);
    let earlier = before.ends.iter().chain(&before.classes);
    assert!(
        counted.zip(earlier).all(|(now, then)| now >= then),
        "{row:?} after {before:?}"
    );
}

#[test]
fn under_load_every_read_is_consistent_and_the_final_counters_are_those_of_the_clients() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be had");
    let router = Router::new().route("/{number}", get(storm));
    let (seen, stop) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    // Mount the route before the first read.
    runtime.block_on(client(&router, u64::MAX, &seen));
    let operator = {
        let (seen, stop) = (Arc::clone(&seen), Arc::clone(&stop));
        std::thread::spawn(move || operate(&seen, &stop))
    };
    let turns = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    runtime.block_on(async {
        for number in 0..REQUESTS {
            let turn = Arc::clone(&turns)
                .acquire_owned()
                .await
                .expect("it is open");
            let client = client(&router, number, &seen);
            let task = tokio::spawn(async move {
                client.await;
                drop(turn);
            });
            let random = mixed(!number);
            if random.is_multiple_of(4) {
                tokio::spawn(async move {
                    sleep(Duration::from_millis(random >> 8 & 7)).await;
                    task.abort();
                });
            }
        }
        let _all = turns
            .acquire_many(u32::try_from(AT_ONCE).expect("small"))
            .await;
    });
    stop.store(true, Ordering::SeqCst);
    let looks = operator.join().expect("nothing shown was wrong");
    assert!(looks > 3, "it looked {looks} times");
    runtime.shutdown_timeout(Duration::from_secs(20));
    check_end(&seen);
}

fn client(router: &Router, number: u64, seen: &Arc<Seen>) -> Client {
    let uri = format!("/{number}");
    Client {
        sent: Some(send_to(router, &uri)),
        body: None,
        read: Vec::new(),
        status: 0,
        uri,
        is_begun: false,
        seen: Arc::clone(seen),
    }
}

fn check_end(seen: &Seen) {
    // A task of its own drops an interrupted body.
    let patience = Instant::now() + Duration::from_secs(20);
    while row("storm")["stats.req.active"] != 0 && Instant::now() < patience {
        std::thread::yield_now();
    }
    let row = read(&row("storm"));
    let [
        completed,
        disconnected,
        interrupted,
        panicked,
        preempted,
        rejected,
        expired,
        failed,
    ] = row.ends;
    let count = |count: &AtomicU64| count.load(Ordering::SeqCst);
    assert_eq!((row.active, expired, failed), (0, 0, 0), "{row:?} {seen:?}");
    assert_eq!(row.total, count(&seen.begun), "{row:?} {seen:?}");
    assert_eq!(panicked, count(&seen.panicked), "{row:?} {seen:?}");
    assert_eq!(
        preempted + rejected,
        count(&seen.refused),
        "{row:?} {seen:?}"
    );
    assert_eq!(completed, count(&seen.completed), "{row:?} {seen:?}");
    // A client that drops a body midway cannot know whether an interrupt was first.
    let (told, left) = (
        count(&seen.interrupted) + count(&seen.broken_off),
        count(&seen.left),
    );
    assert!(
        interrupted >= told && disconnected >= left,
        "{row:?} {seen:?}"
    );
    let unknown = interrupted + disconnected - told - left;
    assert_eq!(unknown, count(&seen.left_body), "{row:?} {seen:?}");
    assert!(
        completed > 0 && told > 0 && left > 0 && panicked > 0,
        "{row:?}"
    );
}

//! Misbehaving futures, bodies and layers. The service behaves as without the attribute, and the
//! counters are correct.

use std::future::{pending, poll_fn};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use hyper::body::Frame;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use underscore_runtime::underscore_route;

use crate::admin::Operator;
use crate::hand::{Sent, assert_counts, assert_ends, poll, send, send_to};
use crate::script::panic_silently;

#[underscore_route(name = "polled_after_ready")]
async fn polled_after_ready() -> &'static str {
    "once"
}

/// A layer that polls after completion meets the panic of a completed `async` block, as without the
/// attribute.
#[test]
fn a_request_that_is_polled_after_its_answer_is_counted_once() {
    let router = Router::new().route("/", get(polled_after_ready));
    let mut sent = send(&router);
    assert!(poll(&mut sent).is_ready());
    for _ in 0..3 {
        let again = catch_unwind(AssertUnwindSafe(|| poll(&mut sent).is_ready()));
        assert!(again.is_err(), "it has no second answer");
    }
    drop(sent);
    assert_ends("polled_after_ready", &[("completed", 1)]);
}

#[underscore_route(name = "polled_after_panic")]
async fn polled_after_panic() -> &'static str {
    panic_silently()
}

#[test]
fn a_request_that_is_polled_after_its_panic_is_counted_once() {
    let router = Router::new().route("/", get(polled_after_panic));
    let mut sent = send(&router);
    for _ in 0..3 {
        let polled = catch_unwind(AssertUnwindSafe(|| poll(&mut sent).is_ready()));
        assert!(polled.is_err());
    }
    drop(sent);
    assert_ends("polled_after_panic", &[("panicked", 1)]);
}

#[underscore_route(name = "never_wakes")]
async fn never_wakes() {
    pending::<()>().await;
}

#[test]
fn a_future_without_a_waker_is_woken_by_an_interrupt() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let router = Router::new().route("/", get(never_wakes));
    let mut sent = send(&router);
    assert!(
        runtime
            .block_on(poll_fn(|cx| Poll::Ready(sent.as_mut().poll(cx))))
            .is_pending()
    );
    let operator = std::thread::spawn(|| {
        Operator::connect().post("_routes/never_wakes/interrupt?timeout=20s")
    });
    let response = runtime.block_on(sent);
    assert_eq!(response.status(), 503);
    let report = operator.join().expect("the operator hears of it");
    assert_eq!(report["interrupted"], 1, "{report:#}");
    assert_ends("never_wakes", &[("interrupted", 1)]);
}

#[underscore_route(name = "woken_from_afar")]
async fn woken_from_afar() -> &'static str {
    let mut thread = None;
    poll_fn(|cx| {
        let waker = cx.waker().clone();
        match thread.take() {
            None => {
                thread = Some(std::thread::spawn(move || waker.wake()));
                Poll::Pending
            }
            Some(_) => Poll::Ready(()),
        }
    })
    .await;
    "woken"
}

#[test]
fn a_future_that_another_thread_wakes_continues() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let router = Router::new().route("/", get(woken_from_afar));
    assert_eq!(runtime.block_on(send(&router)).status(), 200);
    assert_ends("woken_from_afar", &[("completed", 1)]);
}

/// A variable that lives across an await is part of the future.
const HUGE: usize = 1 << 20;

#[underscore_route(name = "huge")]
#[allow(clippy::large_stack_arrays, reason = "that is what it is about")]
async fn huge() -> String {
    let held = [1_u8; HUGE];
    tokio::task::yield_now().await;
    black_box(&held).len().to_string()
}

/// On a thread with a large stack: a debug build moves every future several times, also without the
/// attribute.
#[test]
fn a_huge_future_is_a_request_like_any_other() {
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    let thread = thread.spawn(|| {
        let router = Router::new().route("/", get(huge));
        let mut sent = send(&router);
        assert!(poll(&mut sent).is_pending());
        assert_counts("huge", 1, &[]);
        assert!(poll(&mut sent).is_ready());
        let mut left = send(&router);
        assert!(poll(&mut left).is_pending());
    });
    thread.expect("a thread").join().expect("it has room");
    assert_ends("huge", &[("completed", 1), ("disconnected", 1)]);
}

#[underscore_route(name = "outer")]
async fn outer(State(inside): State<Router>) -> Response {
    send(&inside).await
}

#[underscore_route(name = "inner")]
async fn inner(State(fate): State<Fate>) -> &'static str {
    match fate {
        Fate::Answer => "inside",
        Fate::Wait => pending().await,
        Fate::Panic => panic_silently(),
    }
}

#[derive(Clone, Copy)]
enum Fate {
    Answer,
    Wait,
    Panic,
}

#[test]
fn a_handler_that_calls_another_ones_route_is_counted_there_and_here() {
    let nested = |fate| {
        let inside = Router::new().route("/", get(inner)).with_state(fate);
        Router::new().route("/", get(outer)).with_state(inside)
    };
    assert!(poll(&mut send(&nested(Fate::Answer))).is_ready());
    let mut waits = send(&nested(Fate::Wait));
    assert!(poll(&mut waits).is_pending());
    assert_counts("outer", 1, &[("completed", 1)]);
    assert_counts("inner", 1, &[("completed", 1)]);
    drop(waits);
    let mut panics = send(&nested(Fate::Panic));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut panics).is_ready())).is_err());
    drop(panics);
    let ends = [("completed", 1), ("disconnected", 1), ("panicked", 1)];
    assert_ends("outer", &ends);
    assert_ends("inner", &ends);
}

#[underscore_route(name = "recursive")]
async fn recursive(State(depth): State<u32>) -> String {
    let Some(depth) = depth.checked_sub(1) else {
        return "the ground".to_owned();
    };
    send(&recursion(depth)).await.status().to_string()
}

fn recursion(depth: u32) -> Router {
    Router::new().route("/", get(recursive)).with_state(depth)
}

#[test]
fn a_handler_that_calls_itself_is_counted_each_time() {
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    let thread = thread.spawn(|| assert!(poll(&mut send(&recursion(50))).is_ready()));
    thread.expect("a thread").join().expect("it has room");
    assert_ends("recursive", &[("completed", 51)]);
}

#[underscore_route(name = "forgotten")]
async fn forgotten() {
    pending::<()>().await;
}

/// A leaked future holds its resources for ever, so it has to stay listed.
#[test]
fn a_leaked_request_stays_listed_and_is_reported_as_not_ending() {
    let router = Router::new().route("/", get(forgotten));
    let mut sent = send(&router);
    assert!(poll(&mut sent).is_pending());
    std::mem::forget(sent);
    assert_counts("forgotten", 1, &[]);
    let report = Operator::connect().post("_routes/forgotten/interrupt?timeout=1ms");
    assert_eq!(report["still_running"], 1, "{report:#}");
    assert_counts("forgotten", 1, &[]);
    assert!(poll(&mut send_to(&router, "/")).is_pending());
    assert_counts("forgotten", 1, &[("disconnected", 1)]);
}

/// Sends a request on drop and polls it there.
struct SendsWhenDropped(Router, Arc<Mutex<Vec<bool>>>);

impl Drop for SendsWhenDropped {
    fn drop(&mut self) {
        let polled = poll(&mut send(&self.0)).is_ready();
        self.1.lock().expect("whole").push(polled);
    }
}

#[underscore_route(name = "sends_in_drop")]
async fn sends_in_drop(State((inside, fate, seen)): State<Dropping>) {
    let _sends = SendsWhenDropped(inside, seen);
    match fate {
        Fate::Answer => {}
        Fate::Wait => pending().await,
        Fate::Panic => panic_silently(),
    }
}

type Dropping = (Router, Fate, Arc<Mutex<Vec<bool>>>);

#[underscore_route(name = "sent_in_drop")]
async fn sent_in_drop() -> &'static str {
    tokio::task::coop::unconstrained(async {}).await;
    "sent"
}

#[test]
fn a_request_that_is_sent_and_polled_inside_a_drop_is_counted() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let router = |fate| {
        let inside = Router::new().route("/", get(sent_in_drop));
        let state: Dropping = (inside, fate, Arc::clone(&seen));
        Router::new()
            .route("/", get(sends_in_drop))
            .with_state(state)
    };
    assert!(poll(&mut send(&router(Fate::Answer))).is_ready());
    let mut left = send(&router(Fate::Wait));
    assert!(poll(&mut left).is_pending());
    drop(left);
    let mut panics = send(&router(Fate::Panic));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut panics).is_ready())).is_err());
    assert_eq!(*seen.lock().expect("whole"), [true; 3]);
    assert_ends("sent_in_drop", &[("completed", 3)]);
    let ends = [("completed", 1), ("disconnected", 1), ("panicked", 1)];
    assert_ends("sends_in_drop", &ends);
}

/// A body that panics once and then continues.
struct PanicsOnce(bool);

impl HttpBody for PanicsOnce {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(None);
        }
        panic_silently()
    }
}

#[underscore_route(name = "body_panics")]
async fn body_panics() -> Body {
    Body::new(PanicsOnce(false))
}

#[test]
fn a_body_that_is_polled_after_its_panic_leaves_nothing_in_flight() {
    let router = Router::new().route("/", get(body_panics));
    let body = || {
        let Poll::Ready(response) = poll(&mut send(&router)) else {
            panic!("it answers at once");
        };
        response.into_body()
    };
    let frame = |body: &mut Body| {
        let mut cx = Context::from_waker(Waker::noop());
        catch_unwind(AssertUnwindSafe(|| {
            Pin::new(body).poll_frame(&mut cx).is_ready()
        }))
    };
    let mut dropped = body();
    assert!(frame(&mut dropped).is_err());
    drop(dropped);
    assert_ends("body_panics", &[("panicked", 1)]);
    let mut goes_on = body();
    assert!(frame(&mut goes_on).is_err());
    assert_eq!(frame(&mut goes_on).ok(), Some(true), "its end");
    assert_eq!(frame(&mut goes_on).ok(), Some(true), "and behind that");
    drop(goes_on);
    assert_ends("body_panics", &[("panicked", 1), ("completed", 1)]);
}

#[underscore_route(name = "layered_panic", inner = plain_panic)]
async fn layered_panic() {
    tokio::task::yield_now().await;
    panic_silently()
}

#[underscore_route(name = "layered_wait", inner = plain_wait)]
async fn layered_wait() {
    pending::<()>().await;
}

/// `CatchPanicLayer` and `TimeoutLayer` treat an annotated handler like a plain one.
#[tokio::test]
async fn catch_panic_and_timeout_layers_behave_as_without_the_attribute() {
    let timeout = || {
        let short = Duration::from_millis(5);
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, short)
    };
    let status = async |router: Router| {
        let request = Request::new(Body::empty());
        let Ok(response) = router.oneshot(request).await;
        response.status()
    };
    let panics = [get(layered_panic), get(plain_panic)];
    for panics in panics {
        let router = Router::new()
            .route("/", panics)
            .layer(CatchPanicLayer::new());
        assert_eq!(status(router).await, StatusCode::INTERNAL_SERVER_ERROR);
    }
    let waits = [get(layered_wait), get(plain_wait)];
    for waits in waits {
        let router = Router::new().route("/", waits).layer(timeout());
        assert_eq!(status(router).await, StatusCode::GATEWAY_TIMEOUT);
    }
    assert_ends("layered_panic", &[("panicked", 1)]);
    assert_ends("layered_wait", &[("disconnected", 1)]);
}

#[underscore_route(name = "sent_along")]
async fn sent_along(State(kept): State<Arc<Mutex<Vec<Sent>>>>) {
    let mut sent = kept.lock().expect("whole").pop().expect("one to poll");
    assert!(poll(&mut sent).is_pending());
    kept.lock().expect("whole").push(sent);
}

/// A request that is polled within another one's poll and outlives it is not part of that.
#[test]
fn a_request_that_is_polled_in_another_one_ends_by_itself() {
    let other = Router::new().route("/", get(layered_elsewhere));
    let kept = Arc::new(Mutex::new(vec![send(&other)]));
    let router = Router::new()
        .route("/", get(sent_along))
        .with_state(Arc::clone(&kept));
    assert!(poll(&mut send(&router)).is_ready());
    assert_ends("sent_along", &[("completed", 1)]);
    assert_counts("layered_elsewhere", 1, &[]);
    kept.lock().expect("whole").clear();
    assert_ends("layered_elsewhere", &[("disconnected", 1)]);
}

#[underscore_route(name = "layered_elsewhere")]
async fn layered_elsewhere() {
    pending::<()>().await;
}

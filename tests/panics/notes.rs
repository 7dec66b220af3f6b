//! Message and place of a panic, wherever in the code of a task it is.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::task::{Context, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use futures_util::stream::once;
use futures_util::{FutureExt, StreamExt};
use reqwest::Method;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use underscore_runtime::{
    AdminBuilder, RequestLayer, spawn, spawn_blocking, track, underscore_route,
};

use super::support::Service;
use super::support::bodies::Unmeasured;
use super::support::process::own_process;
use super::{Event, HostHook, get_panic};

#[underscore_route]
async fn formatted(Path(item): Path<String>) {
    panic!("no stock of {item}");
}

#[underscore_route]
async fn literal() {
    panic!("a literal");
}

#[underscore_route]
async fn index(Path(index): Path<usize>) -> String {
    [1, 2, 3][index].to_string()
}

#[underscore_route]
async fn any() {
    panic_any(42);
}

/// An extractor that panics in its future.
struct Lazy;

impl<S: Sync> FromRequestParts<S> for Lazy {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        panic!("in the extractor");
    }
}

#[underscore_route]
async fn extracts(_: Lazy) {}

/// An extractor that panics before it returns a future.
struct Eager;

impl<S: Sync> FromRequestParts<S> for Eager {
    type Rejection = Infallible;

    #[allow(clippy::manual_async_fn, reason = "that would begin at its first poll")]
    fn from_request_parts(
        _: &mut Parts,
        _: &S,
    ) -> impl Future<Output = Result<Self, Infallible>> + Send {
        assert!(std::thread::panicking(), "before the extractor");
        async { Ok(Eager) }
    }
}

#[underscore_route]
async fn extracts_early(_: Eager) {}

#[underscore_route]
async fn body() -> Body {
    let piece = once(async { Ok::<_, Infallible>("a piece") });
    let rest = once(async {
        // Lets the connection send what it has.
        tokio::task::yield_now().await;
        panic!("in the body")
    });
    Body::from_stream(piece.chain(rest))
}

#[underscore_route]
async fn unmeasured() -> Body {
    Body::new(Unmeasured(|| panic!("in the size hint")))
}

/// Holds 7.50 of docs/admin-api.md.
#[tokio::test]
async fn each_panic_of_a_request_has_its_message_and_its_place() {
    own_process!();
    let hook = HostHook::set();
    let app = Router::new()
        .route("/formatted/{item}", get(formatted))
        .route("/literal", get(literal))
        .route("/index/{index}", get(index))
        .route("/any", get(any))
        .route("/extracts", get(extracts))
        .route("/extracts_early", get(extracts_early))
        .route("/unmeasured", get(unmeasured));
    let service = Service::start(app).await;
    for (path, sent, message) in [
        ("/formatted/{item}", "/formatted/tea", "no stock of tea"),
        ("/literal", "/literal", "a literal"),
        (
            "/index/{index}",
            "/index/7",
            "index out of bounds: the len is 3 but the index is 7",
        ),
        ("/any", "/any", "Box<dyn Any>"),
        ("/extracts", "/extracts", "in the extractor"),
        ("/extracts_early", "/extracts_early", "before the extractor"),
        ("/unmeasured", "/unmeasured", "in the size hint"),
    ] {
        get_panic(&service, sent).await;
        let place = hook.only_place();
        assert!(place.starts_with("tests/panics/notes.rs:"), "{place}");
        let event = Event::of_path(path);
        event.assert(message, &place);
        assert!(event.has("method=GET"), "{}", event.0);
    }
}

#[tokio::test]
async fn a_panic_of_a_body_has_its_message_after_the_response_has_begun() {
    own_process!();
    let hook = HostHook::set();
    let service = Service::start(Router::new().route("/body", get(body))).await;
    let answer = service.request(Method::GET, "/body").send().await;
    let answer = answer.expect("it begins").bytes().await;
    assert!(answer.is_err(), "{answer:?}");
    Event::of_path("/body").assert("in the body", &hook.only_place());
}

#[underscore_route]
async fn waits_then_panics() {
    tokio::task::yield_now().await;
    panic!("after a wait");
}

/// Holds 7.50 of docs/admin-api.md.
#[tokio::test]
async fn the_event_names_the_request_and_where_it_last_waited() {
    own_process!();
    HostHook::set();
    let service = Service::start(Router::new().route("/waits", get(waits_then_panics))).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = service.request(Method::GET, "/waits?secret=1");
    let request = request.header("x-request-id", "r-1");
    let request = request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    assert!(request.send().await.is_err());
    let event = Event::of_path("/waits");
    for field in [
        "message=a request panicked; `stack` is where it last waited",
        "request_id=\"r-1\"",
        &format!("trace_id=\"{trace}\""),
        "handler=\"panics::notes::waits_then_panics\"",
    ] {
        assert!(event.has(field), "{field}: {}", event.0);
    }
    let stack = event.0.split(" stack=\"").nth(1).expect("it has a stack");
    assert!(stack.starts_with("tests/panics/notes.rs:"), "{stack}");
    assert!(stack.contains(" tokio::task::yield_now()\""), "{stack}");
    assert!(!event.0.contains("secret"), "{}", event.0);
}

#[underscore_route]
async fn tracks() -> &'static str {
    drop(spawn("spawned", async { panic!("in spawned work") }).await);
    drop(spawn_blocking("blocking", || panic!("in a blocking call")).await);
    "answered"
}

#[tokio::test]
async fn a_panic_of_tracked_work_has_its_name_and_is_not_the_end_of_its_request() {
    own_process!();
    HostHook::set();
    let service = Service::start(Router::new().route("/tracks", get(tracks))).await;
    assert_eq!(service.get("/tracks").await.text, "answered");
    let events = Event::wait("path=\"/tracks\"", 2);
    for (event, (name, message)) in events.iter().zip([
        ("spawned", "in spawned work"),
        ("blocking", "in a blocking call"),
    ]) {
        assert!(event.has(&format!("name={name:?}")), "{}", event.0);
        assert!(event.has(&format!("panic={message:?}")), "{}", event.0);
    }
}

#[underscore_route]
async fn nested() {
    let inner = async { panic!("within") };
    let outer = track("middle", track("inner", inner));
    let _ = outer.await;
}

#[underscore_route]
async fn nested_and_caught() -> &'static str {
    let inner = AssertUnwindSafe(track("caught", async { panic!("caught") }));
    assert!(inner.catch_unwind().await.is_err());
    "answered"
}

#[tokio::test]
async fn a_panic_within_a_poll_of_a_task_is_that_of_each_task_that_it_ends() {
    own_process!();
    let hook = HostHook::set();
    let app = Router::new()
        .route("/nested", get(nested))
        .route("/caught", get(nested_and_caught));
    let service = Service::start(app).await;
    get_panic(&service, "/nested").await;
    let place = hook.only_place();
    for event in Event::wait("path=\"/nested\"", 3) {
        event.assert("within", &place);
    }
    assert_eq!(service.get("/caught").await.text, "answered");
    let event = Event::of_path("/caught");
    event.assert("caught", &hook.only_place());
    assert!(event.has("name=\"caught\""), "{}", event.0);
}

#[underscore_route]
async fn catches() -> &'static str {
    let caught = AssertUnwindSafe(async { panic!("nobody's end") });
    assert!(caught.catch_unwind().await.is_err());
    assert!(catch_unwind(|| panic!("nor this one")).is_err());
    "answered"
}

/// Holds 7.50 of docs/admin-api.md.
#[tokio::test]
async fn a_panic_that_the_handler_catches_is_no_event() {
    own_process!();
    let hook = HostHook::set();
    let app = Router::new()
        .route("/catches", get(catches))
        .route("/literal", get(literal))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/catches").await.text, "answered");
    get_panic(&service, "/literal").await;
    Event::only("method=GET").assert("a literal", &hook.places()[2]);
}

#[underscore_route]
async fn resumes() {
    let caught = AssertUnwindSafe(async { panic!("caught first") });
    let caught = caught.catch_unwind().await.expect_err("it panics");
    tokio::task::yield_now().await;
    resume_unwind(caught);
}

#[underscore_route]
async fn resumes_of_a_child() {
    let child = tokio::spawn(async { panic!("of another task") });
    let panic = child.await.expect_err("it panics");
    resume_unwind(panic.into_panic());
}

#[tokio::test]
async fn a_resumed_panic_has_the_note_of_its_own_task_only() {
    own_process!();
    let hook = HostHook::set();
    let app = Router::new()
        .route("/resumes", get(resumes))
        .route("/child", get(resumes_of_a_child));
    let service = Service::start(app).await;
    get_panic(&service, "/resumes").await;
    Event::of_path("/resumes").assert("caught first", &hook.only_place());
    get_panic(&service, "/child").await;
    Event::of_path("/child").assert_without_note();
}

/// Lets a response wait for one poll more.
async fn late(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    tokio::task::yield_now().await;
    response
}

#[tokio::test]
async fn a_panic_that_a_layer_catches_has_its_message() {
    own_process!();
    let hook = HostHook::set();
    let app = Router::new()
        .route("/literal", get(literal))
        .route("/early", get(extracts_early))
        .layer(CatchPanicLayer::new())
        .layer(from_fn(late))
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/literal").await.status, 500);
    Event::of_path("/literal").assert("a literal", &hook.only_place());
    assert_eq!(service.get("/early").await.status, 500);
    Event::of_path("/early").assert("before the extractor", &hook.only_place());
}

#[test]
fn a_panic_that_a_layer_catches_has_its_message_if_another_thread_answers() {
    own_process!();
    let hook = HostHook::set();
    let directory = tempfile::tempdir().expect("a directory");
    let admin = AdminBuilder::new().serve(directory.path().join("app.sock"));
    let admin = admin.expect("it is served");
    let app: Router = Router::new()
        .route("/literal", get(literal))
        .layer(CatchPanicLayer::new())
        .layer(from_fn(late))
        .layer(RequestLayer::new());
    let request = Request::get("/literal").body(Body::empty());
    let mut call = Box::pin(app.oneshot(request.expect("a request")));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut cx).is_pending());
    // Another panic of this thread.
    assert!(catch_unwind(|| panic!("later")).is_err());
    let elsewhere = std::thread::spawn(move || {
        let mut cx = Context::from_waker(Waker::noop());
        call.as_mut().poll(&mut cx).is_ready()
    });
    assert!(elsewhere.join().expect("it does not panic"), "it answers");
    Event::of_path("/literal").assert("a literal", &hook.places()[0]);
    admin.shutdown_blocking();
}

//! Panics in and around the code inside of a layer.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use tower::{Layer, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use underscore_runtime::{RequestLayer, underscore_route};

use super::{assert_counts, assert_ends, request, scripted, send, statuses, tasks};
use crate::between_polls::Eager;
use crate::hand::{Sent, poll};
use crate::script::{Piece, Step, panic_silently};
use crate::support::bodies::Unmeasured;

fn panics(sent: &mut Sent) -> bool {
    catch_unwind(AssertUnwindSafe(|| poll(sent).is_ready())).is_err()
}

fn status(sent: &mut Sent) -> u16 {
    match poll(sent) {
        Poll::Ready(response) => response.status().as_u16(),
        Poll::Pending => panic!("it answers at once"),
    }
}

/// A handler panics, with nothing around it that catches the panic, with that outside of the layer,
/// and inside of it.
#[test]
fn a_panic_of_a_handler_is_the_end_of_its_request_whoever_catches_it() {
    let routes = |name| Router::new().route(name, get(scripted));
    let bare = routes("/panics.bare").layer(RequestLayer::new());
    let outside = routes("/panics.outside")
        .layer(RequestLayer::new())
        .layer(CatchPanicLayer::new());
    let inside = routes("/panics.inside")
        .layer(CatchPanicLayer::new())
        .layer(RequestLayer::new());
    let cases = [
        ("panics.bare", bare, None, 0),
        ("panics.outside", outside, Some(500), 0),
        ("panics.inside", inside, Some(500), 1),
    ];
    for (name, app, answer, known) in cases {
        let app = app.with_state(());
        for round in 1..=2 {
            for in_handler in [false, true] {
                let (script, request) = request(&format!("/{name}"));
                let mut sent = send(&app, request);
                if in_handler {
                    script.set(Step::Extract, Piece::Wait);
                    assert!(poll(&mut sent).is_pending());
                }
                script.set(Step::Panic, Piece::Wait);
                match answer {
                    None => assert!(panics(&mut sent)),
                    Some(answer) => assert_eq!(status(&mut sent), answer),
                }
            }
            assert_ends(name, &[("panicked", 2 * round)]);
            assert_eq!(statuses(name, 5), 2 * round * known, "{name}");
        }
    }
}

#[underscore_route(name = "panics.eager")]
async fn eager(_: Eager) {}

/// A value that panics when it is dropped, outside of a panic.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic_silently();
        }
    }
}

#[underscore_route(name = "panics.dropped")]
async fn drops_a_bomb() {
    let bomb = Bomb;
    // The bomb is dropped with the future, after its last poll.
    poll_fn(move |_| {
        let _ = &bomb;
        Poll::Ready(())
    })
    .await;
}

#[test]
fn a_panic_of_a_handler_between_its_polls_counts_as_well() {
    for (name, handler) in [
        ("panics.eager", get(eager)),
        ("panics.dropped", get(drops_a_bomb)),
    ] {
        let path = format!("/{name}");
        let app = Router::new()
            .route(&path, handler)
            .layer(CatchPanicLayer::new())
            .layer(RequestLayer::new());
        assert_eq!(status(&mut send(&app, request(&path).1)), 500);
        assert_ends(name, &[("panicked", 1)]);
        assert_eq!(statuses(name, 5), 1);
    }
}

/// Middleware panics before, after and around the handler.
#[test]
fn a_panic_of_middleware_is_the_end_of_its_request() {
    let app = |path: &str, place: &'static str| {
        Router::new()
            .route(path, get(scripted))
            .layer(from_fn(move |request: Request, next: Next| async move {
                if place == "before" {
                    panic_silently();
                }
                let mut run = Box::pin(next.run(request));
                let response = poll_fn(|cx| {
                    let polled = run.as_mut().poll(cx);
                    assert!(place != "around", "on purpose");
                    polled
                })
                .await;
                if place == "after" {
                    panic_silently();
                }
                response
            }))
            .layer(RequestLayer::new())
            .with_state(())
    };
    for place in ["before", "after", "around"] {
        let name = format!("panics.{place}");
        let app = app(&format!("/{name}"), place);
        for round in 1..=2 {
            let (script, request) = request(&format!("/{name}"));
            script.set(Step::Answer(200), Piece::Wait);
            let mut sent = send(&app, request);
            assert!(panics(&mut sent));
            drop(sent);
            assert_ends(&name, &[("panicked", round)]);
        }
    }
}

/// A service panics when it is called, before it returns a future.
#[test]
fn a_panic_in_a_call_is_the_end_of_its_request() {
    fn call(_: Request) -> Ready<Result<Response, Infallible>> {
        if true {
            panic_silently();
        }
        ready(Ok(Response::default()))
    }
    let service = RequestLayer::named("panics.call").layer(service_fn(call));
    let mut sent = send(&service, request("/panics.call").1);
    assert!(panics(&mut sent));
    drop(sent);
    assert_ends("panics.call", &[("panicked", 1)]);
}

#[test]
fn a_panic_of_the_final_body_is_the_end_of_its_request() {
    let answer = || Response::new(Unmeasured(panic_silently));
    let service = service_fn(move |_: Request| async move { Ok::<_, Infallible>(answer()) });
    let service = RequestLayer::named("panics.measured").layer(service);
    let mut sent = send(&service, request("/panics.measured").1);
    assert!(panics(&mut sent));
    drop(sent);
    assert_ends("panics.measured", &[("panicked", 1)]);
}

/// Middleware catches the panic of a handler and waits: the request is alive, and still one that
/// panicked, however it ends.
#[test]
fn a_caught_panic_is_known_while_the_request_goes_on() {
    let app = Router::new()
        .route("/panics.caught", get(scripted))
        .layer(CatchPanicLayer::new())
        .layer(from_fn(|request: Request, next: Next| async move {
            let response = next.run(request).await;
            std::future::pending::<()>().await;
            response
        }))
        .layer(RequestLayer::new());
    let (script, request) = request("/panics.caught");
    script.set(Step::Panic, Piece::Wait);
    let mut sent = send(&app, request);
    assert!(poll(&mut sent).is_pending());
    assert_eq!(tasks("panics.caught")[0]["stage"], "middleware");
    assert_counts("panics.caught", 1, &[]);
    drop(sent);
    assert_ends("panics.caught", &[("panicked", 1)]);
}

/// A layer is called with a request, and its future is dropped before its first poll.
#[test]
fn a_request_that_is_never_polled_is_a_disconnect() {
    use tower::Service;
    let app = Router::new()
        .route("/panics.unpolled", get(scripted))
        .layer(RequestLayer::new());
    let mut service = RequestLayer::named("panics.unpolled").layer(app);
    let future = service.call(request("/panics.unpolled").1);
    assert_counts("panics.unpolled", 1, &[]);
    assert_eq!(tasks("panics.unpolled")[0]["stage"], "service");
    drop(future);
    assert_ends("panics.unpolled", &[("disconnected", 1)]);
}

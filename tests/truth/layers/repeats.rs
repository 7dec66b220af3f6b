//! Code inside of a layer that calls a handler more than once, or another handler.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use underscore_runtime::{RequestLayer, underscore_route};

use super::{
    assert_counts, assert_ends, only_task, plain_scripted, request, scripted, send, statuses, tasks,
};
use crate::hand::{Sent, poll};
use crate::script::{Piece, Script, Scripted, Step};

fn copy(parts: &Parts) -> Request {
    Request::from_parts(parts.clone(), Body::empty())
}

/// Calls the handler a second time if the first response is a server error.
async fn retry(request: Request, next: Next) -> Response {
    let (parts, _) = request.into_parts();
    let response = next.clone().run(copy(&parts)).await;
    if response.status().is_server_error() {
        return next.run(copy(&parts)).await;
    }
    response
}

#[test]
fn a_repeated_request_is_one_row_and_ends_like_its_last_attempt() {
    let path = "/repeats.retry";
    let app = Router::new()
        .route(path, get(scripted))
        .layer(CatchPanicLayer::new())
        .layer(from_fn(retry))
        .layer(RequestLayer::new())
        .with_state(());
    let mut ends = [("completed", 0), ("panicked", 0)];
    for (first, second, end) in [
        (Step::Answer(500), Step::Answer(200), 0),
        (Step::Reject(503), Step::Answer(200), 0),
        (Step::Panic, Step::Answer(200), 0),
        (Step::Answer(500), Step::Panic, 1),
        (Step::Panic, Step::Panic, 1),
    ] {
        let (script, request) = request(path);
        let mut sent = send(&app, request);
        assert!(poll(&mut sent).is_pending());
        let task = only_task("repeats.retry");
        assert_eq!(task["stage"], "extractors");
        script.set(first, Piece::Wait);
        // Both attempts take the same script, so the first one ends in a poll of its own.
        script.then(Step::Extract);
        assert!(poll(&mut sent).is_pending());
        let again = only_task("repeats.retry");
        assert_eq!(
            (&again["id"], &again["stage"]),
            (&task["id"], &"handler".into())
        );
        script.set(second, Piece::Wait);
        assert!(poll(&mut sent).is_ready());
        ends[end].1 += 1;
        let ends = ends.into_iter().filter(|(_, count)| *count > 0);
        assert_ends("repeats.retry", &ends.collect::<Vec<_>>());
    }
    assert_eq!([2, 5].map(|class| statuses("repeats.retry", class)), [3, 2]);
}

/// The scripts of the two calls of a hedged request.
#[derive(Clone)]
struct Hedged([Arc<Script>; 2]);

/// Calls the handler twice at once, and returns the first response.
async fn hedge(request: Request, next: Next) -> Response {
    let Hedged(scripts) = request.extensions().get().cloned().expect("two scripts");
    let (parts, _) = request.into_parts();
    let mut calls = scripts.map(|script| {
        let mut request = copy(&parts);
        request.extensions_mut().insert(script);
        Some(Box::pin(next.clone().run(request)))
    });
    poll_fn(|cx| {
        for call in &mut calls {
            if let Poll::Ready(response) = call.as_mut().expect("polled").as_mut().poll(cx) {
                *call = None;
                return Poll::Ready(response);
            }
        }
        Poll::Pending
    })
    .await
}

/// The record has one handler at a time: the other call is a request within it.
#[test]
fn the_second_call_of_a_hedged_request_is_a_task_of_its_own() {
    let app = Router::new()
        .route("/repeats.hedge", get(scripted))
        .layer(from_fn(hedge))
        .layer(RequestLayer::new())
        .with_state(());
    for winner in [0, 1] {
        let scripts = [Arc::new(Script::default()), Arc::new(Script::default())];
        let (_, mut request) = request("/repeats.hedge");
        request.extensions_mut().insert(Hedged(scripts.clone()));
        let mut sent = send(&app, request);
        assert!(poll(&mut sent).is_pending());
        scripts[0].set(Step::Extract, Piece::Wait);
        assert!(poll(&mut sent).is_pending());
        let rows = tasks("repeats.hedge");
        let stages: Vec<_> = rows.iter().map(|row| &row["stage"]).collect();
        assert_eq!(stages, ["handler", "extractors"]);
        assert_eq!(rows[1]["parent_task_id"], rows[0]["id"]);
        scripts[winner].set(Step::Answer(200), Piece::Wait);
        assert!(poll(&mut sent).is_ready());
        assert_eq!(tasks("repeats.hedge").len(), 0);
    }
    assert_ends("repeats.hedge", &[("completed", 3), ("disconnected", 1)]);
}

#[underscore_route(name = "repeats.by_hand")]
async fn by_hand(script: Scripted) -> Response {
    plain_scripted(script).await
}

/// Another handler's function is a part of the handler that calls it.
#[test]
fn an_inner_function_is_no_request() {
    let app = Router::new()
        .route("/repeats.by_hand", get(by_hand))
        .layer(RequestLayer::new());
    let (script, request) = request("/repeats.by_hand");
    let mut sent = send(&app, request);
    script.set(Step::Extract, Piece::Wait);
    assert!(poll(&mut sent).is_pending());
    assert_eq!(only_task("repeats.by_hand")["stage"], "handler");
    script.set(Step::Answer(200), Piece::Wait);
    assert!(poll(&mut sent).is_ready());
    assert_ends("repeats.by_hand", &[("completed", 1)]);
}

#[underscore_route(name = "repeats.sends")]
async fn sends(Extension(script): Extension<Arc<Script>>, State(app): State<Router>) -> Response {
    let request = Request::get("/repeats.new.inner").extension(script);
    send(&app, request.body(Body::empty()).expect("a request")).await
}

#[underscore_route(name = "repeats.forwards")]
async fn forwards(State(app): State<Router>, mut request: Request) -> Response {
    let uri = format!("{}.inner", request.uri().path());
    *request.uri_mut() = uri.parse().expect("a URI");
    app.oneshot(request).await.expect("infallible")
}

/// A handler sends a new request, or the same one with all that it carries, to a router with or
/// without a layer.
#[test]
fn a_request_within_a_handler_is_a_task_within_its_task() {
    let inner = |name: &str| Router::new().route(&format!("/{name}.inner"), get(scripted));
    let layered = |router: Router| router.layer(RequestLayer::named("repeats.fallback"));
    let outer = |name: &str, within: Router| {
        let routes = match name {
            "repeats.new" => Router::new().route("/repeats.new", get(sends)),
            _ => Router::new().route(&format!("/{name}"), get(forwards)),
        };
        layered(routes.with_state(within)).with_state(())
    };
    for (name, within) in [
        ("repeats.new", layered(inner("repeats.new"))),
        ("repeats.same", inner("repeats.same")),
        ("repeats.layered", layered(inner("repeats.layered"))),
    ] {
        let app = outer(name, within.with_state(()));
        for round in 1..=2 {
            let (script, request) = request(&format!("/{name}"));
            let mut sent: Sent = send(&app, request);
            script.set(Step::Extract, Piece::Wait);
            assert!(poll(&mut sent).is_pending());
            let rows = tasks(name);
            assert_eq!(rows.len(), 2, "{name}: {rows:#?}");
            assert!(
                rows.iter().all(|row| row["stage"] == "handler"),
                "{rows:#?}"
            );
            assert_eq!(rows[1]["parent_task_id"], rows[0]["id"]);
            assert_counts(
                name,
                2,
                &[("completed", 2 * (round - 1))][usize::from(round == 1)..],
            );
            script.set(Step::Answer(200), Piece::Wait);
            assert!(poll(&mut sent).is_ready());
            assert_ends(name, &[("completed", 2 * round)]);
        }
    }
}

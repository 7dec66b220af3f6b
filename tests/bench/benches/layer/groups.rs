//! The same handlers within layers: annotated, and as closures.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{MethodRouter, get};
use tower::layer::util::Identity;
use tower_http::trace::TraceLayer;
use underscore_bench::handlers::{POLLS, Pending, annotated, annotated_poll, contender};
use underscore_bench::{Contender, Group, request};
use underscore_runtime::{RequestLayer, underscore_route};

/// The layers around an annotated handler, and around a closure.
pub(crate) fn groups() -> Vec<Group> {
    let bare = || app("/", get(annotated));
    let order = || app("/orders/{id}", get(annotated_order));
    let closure = || app("/", get(|| async { "ok" }));
    let closure_order = || {
        let order = |State(state): State<&'static str>, Path(_id): Path<u64>| async move { state };
        app("/orders/{id}", get(order))
    };
    vec![
        Group {
            key: "attribute",
            what: "an annotated handler, no argument",
            calls: 200,
            units: 1,
            request: request::bare,
            contenders: around("annotated", bare),
        },
        Group {
            key: "attribute-typical",
            what: "an annotated handler, one State and one Path, nine headers",
            calls: 100,
            units: 1,
            request: request::typical,
            contenders: around("annotated", order),
        },
        Group {
            key: "closure",
            what: "a closure, no argument",
            calls: 200,
            units: 1,
            request: request::bare,
            contenders: around("closure", closure),
        },
        Group {
            key: "closure-typical",
            what: "a closure, one State and one Path, nine headers",
            calls: 100,
            units: 1,
            request: request::typical,
            contenders: around("closure", closure_order),
        },
        Group {
            key: "attribute-poll",
            what: "a further poll of an annotated handler",
            calls: 1,
            units: POLLS,
            request: request::bare,
            contenders: around("annotated", || app("/", get(annotated_poll))),
        },
        Group {
            key: "closure-poll",
            what: "a further poll of a closure",
            calls: 1,
            units: POLLS,
            request: request::bare,
            contenders: around("closure", || app("/", get(pending))),
        },
    ]
}

/// A router without a layer, and within each of the layers.
fn around(who: &'static str, app: impl Fn() -> Router) -> Vec<Contender> {
    vec![
        contender(who, app()),
        // The cost of a layer in axum: its service is called through a box of its own.
        contender("no-op", app().layer(Identity::new())),
        contender("RequestLayer", app().layer(RequestLayer::new())),
        contender("TraceLayer", app().layer(TraceLayer::new_for_http())),
    ]
}

#[underscore_route]
async fn annotated_order(State(state): State<&'static str>, Path(_id): Path<u64>) -> &'static str {
    state
}

async fn pending() -> &'static str {
    Pending(POLLS).await;
    "ok"
}

fn app(path: &str, method: MethodRouter<&'static str>) -> Router {
    Router::new().route(path, method).with_state("ok")
}

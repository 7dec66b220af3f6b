//! Handlers called as functions: with `inner = ...` the plain function has a name and can be called
//! in every way.

use std::collections::BTreeMap;
use std::pin::Pin;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use underscore_runtime::underscore_route;

use crate::support::Service;

#[underscore_route(inner = user_page)]
async fn user(State(site): State<&'static str>, Path(name): Path<String>) -> String {
    format!("{name} of {site}")
}

/// From another handler, which continues the stack.
#[underscore_route]
async fn myself(State(site): State<&'static str>) -> String {
    user_page(State(site), Path("me".to_owned())).await
}

/// From another handler, as one of several branches.
#[underscore_route]
async fn home(State(site): State<&'static str>, Path(name): Path<String>) -> Response {
    if name == "me" {
        Redirect::to("/myself").into_response()
    } else {
        user_page(State(site), Path(name)).await.into_response()
    }
}

type Page = Pin<Box<dyn Future<Output = String> + Send>>;

type PageFn = fn(State<&'static str>, Path<String>) -> Page;

/// From a table of functions.
fn pages() -> BTreeMap<&'static str, PageFn> {
    let user: PageFn = |site, name| Box::pin(user_page(site, name));
    BTreeMap::from([("user", user)])
}

#[underscore_route]
async fn dispatched(State(site): State<&'static str>, Path(page): Path<String>) -> String {
    match pages().get(&*page) {
        Some(page) => page(State(site), Path("table".to_owned())).await,
        None => "no such page".to_owned(),
    }
}

/// From a unit test, without a router.
#[tokio::test]
async fn a_test_calls_the_plain_function() {
    let page = user_page(State("tests"), Path("ann".to_owned())).await;
    assert_eq!(page, "ann of tests");
}

#[tokio::test]
async fn a_handler_is_called_from_handlers_closures_and_tables() {
    let app = Router::new()
        .route("/users/{name}", get(user))
        .route("/myself", get(myself))
        .route("/home/{name}", get(home))
        .route("/pages/{page}", get(dispatched))
        // From a closure that is mounted.
        .route(
            "/closure",
            get(|site: State<&'static str>| user_page(site, Path("closure".to_owned()))),
        )
        .with_state("site");
    let service = Service::start(app).await;
    for (path, expected) in [
        ("/users/ann", "ann of site"),
        ("/myself", "me of site"),
        ("/home/bob", "bob of site"),
        ("/home/me", "me of site"),
        ("/pages/user", "table of site"),
        ("/pages/none", "no such page"),
        ("/closure", "closure of site"),
    ] {
        assert_eq!(service.get(path).await.text, expected, "{path}");
    }
}

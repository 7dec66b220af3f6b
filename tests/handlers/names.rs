//! Names in a module that may be the same as a handler's, and visibility.

/// Shadows the crates that generated code refers to.
pub mod core {
    /// Not the standard one.
    pub mod future {}

    /// Not the standard one.
    pub mod std {}
}

/// Shadows `std` in this module.
pub mod std {}

/// Handlers that other modules may mount.
pub mod public {
    use underscore_runtime::underscore_route;

    /// A public handler.
    #[underscore_route]
    pub async fn everywhere() -> &'static str {
        "everywhere"
    }

    #[underscore_route]
    pub(crate) async fn in_the_crate() -> &'static str {
        "in the crate"
    }

    #[underscore_route]
    pub(super) async fn above() -> &'static str {
        "above"
    }
}

/// A framework that re-exports the runtime.
pub mod framework {
    /// The re-exported items.
    pub mod reexport {
        pub use underscore_runtime::{__private, underscore_route};
    }
}

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use underscore_runtime::underscore_route;

use self::framework::reexport as us;
use crate::support::Service;

#[derive(Deserialize)]
struct Login {
    user: String,
}

#[underscore_route]
async fn login(Json(login): Json<Login>) -> String {
    login.user
}

#[underscore_route]
async fn count(State(count): State<u32>) -> String {
    let greet = async |login: &str| format!("{login} {count}");
    let login = greet("ann").await;
    login.clone() + &login
}

#[underscore_route]
async fn user(Path(user): Path<String>) -> String {
    let login = user;
    if let Some(count) = login.strip_prefix("count") {
        count.to_owned()
    } else {
        login
    }
}

#[tokio::test]
async fn bindings_may_be_named_like_handlers_of_the_module() {
    let app = Router::new()
        .route("/login", post(login))
        .route("/count", get(count))
        .route("/user/{user}", get(user))
        .with_state(3);
    let service = Service::start(app).await;
    let login = service.request(axum::http::Method::POST, "/login");
    let login = login
        .json(&serde_json::json!({"user": "ann"}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(login.text().await.expect("text"), "ann");
    assert_eq!(service.get("/count").await.text, "ann 3ann 3");
    assert_eq!(service.get("/user/counter").await.text, "er");
}

#[tokio::test]
async fn a_handler_has_its_declared_visibility() {
    let app = Router::new()
        .route("/everywhere", get(public::everywhere))
        .route("/crate", get(public::in_the_crate))
        .route("/above", get(public::above));
    let service = Service::start(app).await;
    assert_eq!(service.get("/everywhere").await.text, "everywhere");
    assert_eq!(service.get("/crate").await.text, "in the crate");
    assert_eq!(service.get("/above").await.text, "above");
}

/// Constants that would turn a binding of the same name into a pattern.
#[allow(non_upper_case_globals)]
mod constants {
    use axum::extract::Path;
    use underscore_runtime::underscore_route;

    const DESCRIPTOR: &str = "descriptor";
    const ENTRY: &str = "entry";
    const EXTRACTORS: &str = "extractors";
    const POINTS: &str = "points";
    const request: &str = "request";
    const state: &str = "state";
    const parts: &str = "parts";
    const body: &str = "body";
    const call: &str = "call";
    const arg0: &str = "arg0";

    #[underscore_route]
    pub(super) async fn all(_: Path<String>) -> String {
        let upper = [DESCRIPTOR, ENTRY, EXTRACTORS, POINTS];
        let lower = [request, state, parts, body, call, arg0];
        format!("{} {}", upper.join(" "), lower.join(" "))
    }
}

#[tokio::test]
async fn generated_names_do_not_collide_with_those_of_the_module() {
    let service = Service::start(Router::new().route("/{_}", get(constants::all))).await;
    let expected = "descriptor entry extractors points request state parts body call arg0";
    assert_eq!(service.get("/x").await.text, expected);
}

#[underscore_route(inner = plain_sum)]
async fn sum(Path((left, right)): Path<(u8, u8)>) -> Result<String, String> {
    left.checked_add(right)
        .map(|sum| sum.to_string())
        .ok_or_else(|| "too much".to_owned())
}

#[underscore_route(get, "/generic", inner = plain_generic)]
async fn generic<T: Clone + Send + Sync + ToString + 'static>(State(value): State<T>) -> String {
    ::std::future::ready(value.to_string()).await
}

#[tokio::test]
async fn the_plain_function_stays_callable_under_its_inner_name() {
    assert_eq!(plain_sum(Path((1, 2))).await.as_deref(), Ok("3"));
    assert_eq!(plain_sum(Path((255, 2))).await, Err("too much".to_owned()));
    assert_eq!(plain_generic(State(5)).await, "5");
    let app = Router::new()
        .route("/sum/{left}/{right}", get(sum))
        .route("/generic", get(generic::<i32>));
    let service = Service::start(app.with_state(8)).await;
    assert_eq!(service.get("/sum/1/2").await.text, "3");
    assert_eq!(service.get("/generic").await.text, "8");
}

#[us::underscore_route(crate = crate::names::framework::reexport)]
async fn reexported(State(count): State<u32>) -> String {
    ::std::future::ready(count).await.to_string()
}

#[us::underscore_route(crate = us, get, "/again", name = "again")]
async fn reexported_again() -> &'static str {
    "again"
}

#[tokio::test]
async fn the_runtime_may_be_reexported() {
    let app = Router::new()
        .route("/", get(reexported))
        .route("/again", get(reexported_again));
    let service = Service::start(app.with_state(4)).await;
    assert_eq!(service.get("/").await.text, "4");
    assert_eq!(service.get("/again").await.text, "again");
}

/// Own extractors with the names of axum's body extractors.
mod own {
    use axum::extract::FromRequestParts;
    use axum::http::request::Parts;

    pub(super) struct Request(pub(super) String);

    impl FromRequestParts<u32> for Request {
        type Rejection = std::convert::Infallible;

        async fn from_request_parts(parts: &mut Parts, _: &u32) -> Result<Self, Self::Rejection> {
            Ok(Request(parts.uri.to_string()))
        }
    }
}

#[underscore_route]
async fn own_request(own::Request(uri): own::Request, State(count): State<u32>) -> String {
    format!("{uri} {count}")
}

#[tokio::test]
async fn an_extractor_may_have_the_name_of_one_that_takes_the_body() {
    let app = Router::new().route("/own", get(own_request)).with_state(1);
    assert_eq!(Service::start(app).await.get("/own").await.text, "/own 1");
}

//! Arguments and return types: none to sixteen extractors, and every kind of response.

use std::convert::Infallible;
use std::future::{Future, ready};

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, Version};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use underscore_runtime::underscore_route;

use crate::support::Service;

#[derive(Deserialize, Serialize)]
struct Login {
    user: String,
}

/// An extractor of a number from the path.
struct Nth<const N: usize>;

impl<const N: usize, S: Send + Sync> FromRequestParts<S> for Nth<N> {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        ready(Ok(Nth)).await
    }
}

/// An error of the service's own.
struct NoSuchUser;

impl IntoResponse for NoSuchUser {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, "no such user").into_response()
    }
}

#[underscore_route(get, "/nothing")]
async fn nothing() {}

#[underscore_route(get, "/text")]
async fn text() -> &'static str {
    "text"
}

#[underscore_route]
async fn opaque(uri: Uri) -> impl IntoResponse {
    Html(uri.to_string())
}

#[underscore_route]
async fn fallible(Path(user): Path<String>) -> Result<Json<Login>, NoSuchUser> {
    if user == "ann" {
        Ok(Json(Login { user }))
    } else {
        Err(NoSuchUser)
    }
}

#[underscore_route]
async fn axum_result(Path(user): Path<String>) -> axum::response::Result<String> {
    if user.is_empty() {
        Err(NoSuchUser)?;
    }
    Ok(user)
}

#[underscore_route]
async fn whole_request(method: Method, request: Request) -> Response {
    let size = axum::body::to_bytes(request.into_body(), 1024).await;
    let size = size.map_or(0, |bytes| bytes.len());
    Response::new(Body::from(format!("{method} {size}")))
}

#[underscore_route]
async fn body_last(headers: HeaderMap, body: Bytes) -> (StatusCode, Vec<u8>) {
    let accepted = headers.contains_key("x-accept");
    let status = if accepted {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    (status, body.to_vec())
}

#[underscore_route]
async fn json(State(greeting): State<&'static str>, Json(login): Json<Login>) -> String {
    format!("{greeting} {}", login.user)
}

#[underscore_route]
async fn optional(query: Option<Extension<u8>>, Query(login): Query<Login>) -> String {
    format!("{} {}", query.is_none(), login.user)
}

#[underscore_route]
#[rustfmt::skip]
#[allow(clippy::too_many_arguments)]
async fn sixteen(
    _: Nth<0>, _: Nth<1>, Nth: Nth<2>, _third: Nth<3>, mut method: Method, version: Version,
    _: Nth<6>, _: Nth<7>, _: Nth<8>, _: Nth<9>, _: Nth<10>, _: Nth<11>, _: Nth<12>, _: Nth<13>,
    _: Nth<14>, body: String,
) -> String {
    if body == "put" {
        method = Method::PUT;
    }
    format!("{method} {version:?} {body}")
}

#[underscore_route]
fn future(name: Path<String>) -> impl Future<Output = String> + Send {
    let Path(name) = name;
    async move { ready(name).await }
}

#[underscore_route]
fn named_future() -> std::future::Ready<StatusCode> {
    ready(StatusCode::ACCEPTED)
}

fn app() -> Router {
    Router::new()
        .route("/nothing", get(nothing))
        .route("/text", get(text))
        .route("/opaque", get(opaque))
        .route("/fallible/{user}", get(fallible))
        .route("/axum_result/{user}", get(axum_result))
        .route("/whole_request", post(whole_request))
        .route("/body_last", post(body_last))
        .route("/json", post(json))
        .route("/optional", get(optional))
        .route("/sixteen", post(sixteen))
        .route("/future/{name}", get(future))
        .route("/named_future", get(named_future))
        .with_state("hello")
}

#[tokio::test]
async fn a_handler_may_take_nothing() {
    let service = Service::start(app()).await;
    let answer = service.get("/nothing").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(service.get("/text").await.text, "text");
}

#[tokio::test]
async fn a_handler_may_return_any_response() {
    let service = Service::start(app()).await;
    let opaque = service.get("/opaque?a=b").await;
    assert_eq!(
        (opaque.text.as_str(), opaque.content_type.as_str()),
        ("/opaque?a=b", "text/html; charset=utf-8")
    );
    assert_eq!(
        service.get("/fallible/ann").await.json(),
        json!({"user": "ann"})
    );
    let missing = service.get("/fallible/bob").await;
    assert_eq!(
        (missing.status, missing.text.as_str()),
        (404, "no such user")
    );
    assert_eq!(service.get("/axum_result/ann").await.text, "ann");
}

#[tokio::test]
async fn the_last_argument_may_take_the_body() {
    let service = Service::start(app()).await;
    let send = async |path: &str, body: &'static str| {
        let request = service
            .request(Method::POST, path)
            .header("x-accept", "1")
            .body(body);
        request.send().await.expect("an answer")
    };
    assert_eq!(
        send("/whole_request", "four")
            .await
            .text()
            .await
            .expect("text"),
        "POST 4"
    );
    let created = send("/body_last", "body").await;
    assert_eq!(created.status(), 201);
    assert_eq!(created.text().await.expect("text"), "body");
    let request = service
        .request(Method::POST, "/json")
        .json(&json!({"user": "ann"}));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.text().await.expect("text"), "hello ann");
}

#[tokio::test]
async fn a_handler_may_take_sixteen_extractors() {
    let service = Service::start(app()).await;
    let request = service.request(Method::POST, "/sixteen").body("put");
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.text().await.expect("text"), "PUT HTTP/1.1 put");
}

#[tokio::test]
async fn a_function_that_returns_a_future_is_a_handler() {
    let service = Service::start(app()).await;
    assert_eq!(service.get("/future/ann").await.text, "ann");
    assert_eq!(service.get("/named_future").await.status, 202);
}

#[tokio::test]
async fn a_rejection_reaches_the_client_unchanged() {
    /// The same handlers without the attribute.
    mod plain {
        use super::{Extension, Json, Login, Query, State};

        pub(super) async fn json(
            State(greeting): State<&'static str>,
            Json(login): Json<Login>,
        ) -> String {
            format!("{greeting} {}", login.user)
        }

        pub(super) async fn optional(
            query: Option<Extension<u8>>,
            Query(login): Query<Login>,
        ) -> String {
            format!("{} {}", query.is_none(), login.user)
        }
    }
    let plain = Router::new()
        .route("/plain/json", post(plain::json))
        .route("/plain/optional", get(plain::optional))
        .with_state("hello");
    let service = Service::start(app().merge(plain)).await;
    let send = async |path: &str, content_type: &str| {
        let request = service.request(Method::POST, path);
        let request = request
            .header("content-type", content_type)
            .body("{\"user\": 1}");
        crate::support::Answer::of(request.send().await.expect("an answer")).await
    };
    for (content_type, status) in [("application/json", 422), ("text/plain", 415)] {
        let ours = send("/json", content_type).await;
        let theirs = send("/plain/json", content_type).await;
        assert_eq!(ours.status, status);
        assert_eq!(
            (ours.status, ours.text, ours.content_type),
            (theirs.status, theirs.text, theirs.content_type)
        );
    }
    let ours = service.get("/optional?user=ann").await;
    assert_eq!(ours.text, "true ann");
    let (ours, theirs) = (
        service.get("/optional").await,
        service.get("/plain/optional").await,
    );
    assert_eq!(ours.status, 400);
    assert_eq!((ours.status, ours.text), (theirs.status, theirs.text));
}

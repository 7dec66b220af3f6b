//! Macros that generate code around a handler or from it: API documentation, better compiler
//! errors, spans.
#![allow(
    unused_qualifications,
    reason = "`utoipa::path` writes them around the types of arguments"
)]

use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tracing::instrument;
use underscore_runtime::underscore_route;
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::support::Service;

#[derive(Deserialize, Serialize, ToSchema)]
struct User {
    name: String,
}

#[derive(Deserialize, IntoParams)]
struct Page {
    from: Option<u32>,
}

/// Tells of one user.
///
/// And at length.
#[utoipa::path(get, path = "/users/{number}", params(("number" = u32, Path)), responses((status = OK, body = User), (status = NOT_FOUND)))]
#[underscore_route(get, "/users/{number}")]
async fn user(
    Path(number): Path<u32>,
    State(name): State<&'static str>,
) -> Result<Json<User>, StatusCode> {
    let name = std::future::ready(name.to_owned()).await;
    if number == 7 {
        Ok(Json(User { name }))
    } else {
        Err(StatusCode::NOT_FOUND)
    }
}

#[utoipa::path(post, path = "/users", params(Page), responses((status = CREATED, body = User)))]
#[allow(
    unused_qualifications,
    reason = "utoipa's code for the parameters has them"
)]
#[underscore_route]
async fn create(Query(page): Query<Page>, Json(mut user): Json<User>) -> (StatusCode, Json<User>) {
    user.name
        .push_str(&page.from.unwrap_or_default().to_string());
    (StatusCode::CREATED, Json(user))
}

#[utoipa::path(delete, path = "/users", responses((status = NO_CONTENT)))]
#[underscore_route]
#[tracing::instrument]
async fn delete() -> StatusCode {
    StatusCode::NO_CONTENT
}

#[derive(OpenApi)]
#[openapi(paths(user, create, delete), components(schemas(User)))]
struct Document;

#[test]
fn a_document_lists_annotated_handlers_like_others() {
    let document = serde_json::to_value(Document::openapi()).expect("it is JSON");
    let user = &document["paths"]["/users/{number}"]["get"];
    assert_eq!(user["operationId"], "user");
    assert_eq!(user["summary"], "Tells of one user.");
    assert_eq!(user["parameters"][0]["in"], "path");
    assert!(user["responses"]["404"].is_object(), "{user:#}");
    let users = &document["paths"]["/users"];
    let content = &users["post"]["requestBody"]["content"]["application/json"];
    assert_eq!(content["schema"]["$ref"], "#/components/schemas/User");
    assert_eq!(users["post"]["parameters"][0]["name"], "from");
    assert!(users["delete"].is_object(), "{users:#}");
}

#[tokio::test]
async fn a_router_that_documents_itself_takes_annotated_handlers() {
    let (app, document) = OpenApiRouter::new()
        .routes(routes!(user))
        .routes(routes!(create, delete))
        .with_state("ann")
        .split_for_parts();
    assert_eq!(document.paths.paths.len(), 2);
    let service = Service::start(app).await;
    assert_eq!(service.get("/users/7").await.text, r#"{"name":"ann"}"#);
    assert_eq!(service.get("/users/8").await.status, 404);
    let created = service.request(reqwest::Method::POST, "/users?from=3");
    let created = created.json(&User { name: "bob".into() }).send().await;
    let created = created.expect("an answer").text().await;
    assert_eq!(created.expect("text"), r#"{"name":"bob3"}"#);
    let deleted = service
        .request(reqwest::Method::DELETE, "/users")
        .send()
        .await;
    assert_eq!(deleted.expect("an answer").status(), 204);
}

/// A middleware stays without an attribute beside annotated handlers.
#[axum::debug_middleware]
async fn guard(State(word): State<&'static str>, request: Request, next: Next) -> Response {
    if request.headers().contains_key("x-refuse") {
        return (StatusCode::FORBIDDEN, word).into_response();
    }
    next.run(request).await
}

#[underscore_route]
#[axum::debug_handler]
async fn guarded() -> &'static str {
    "guarded"
}

#[tokio::test]
async fn a_checked_middleware_stands_beside_a_checked_handler() {
    let guard = middleware::from_fn_with_state("refused", guard);
    let app = Router::new().route("/", get(guarded)).layer(guard);
    let service = Service::start(app).await;
    assert_eq!(service.get("/").await.text, "guarded");
    let refused = service
        .request(reqwest::Method::GET, "/")
        .header("x-refuse", "1");
    assert_eq!(refused.send().await.expect("an answer").status(), 403);
}

#[underscore_route]
#[instrument(level = "debug", name = "renamed", target = "elsewhere", skip(state), fields(state.length = state.0.len(), later = tracing::field::Empty), err(Debug), ret)]
async fn traced_below(
    state: State<&'static str>,
    Path(number): Path<u8>,
) -> Result<String, StatusCode> {
    tracing::Span::current().record("later", number);
    let State(word) = std::future::ready(state).await;
    if number == 7 {
        Ok(word.to_owned())
    } else {
        Err(StatusCode::CONFLICT)
    }
}

#[instrument(skip_all, fields(number = number.0), err(Display))]
#[underscore_route]
async fn traced_above(number: Path<u8>) -> Result<String, String> {
    let Path(number) = std::future::ready(number).await;
    if number == 7 {
        Ok(number.to_string())
    } else {
        Err("no".to_owned())
    }
}

#[instrument(ret, err)]
#[underscore_route]
#[instrument(skip_all)]
async fn traced_twice() -> Result<&'static str, String> {
    Ok("twice")
}

#[tokio::test]
async fn spans_with_fields_errors_and_returns_work_above_and_below() {
    let app = Router::new()
        .route("/below/{number}", get(traced_below))
        .route("/above/{number}", get(traced_above))
        .route("/twice", get(traced_twice))
        .with_state("word");
    let service = Service::start(app).await;
    assert_eq!(service.get("/below/7").await.text, "word");
    assert_eq!(service.get("/below/8").await.status, 409);
    assert_eq!(service.get("/above/7").await.text, "7");
    assert_eq!(service.get("/above/8").await.text, "no");
    assert_eq!(service.get("/twice").await.text, "twice");
}

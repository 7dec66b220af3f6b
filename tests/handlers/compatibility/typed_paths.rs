//! Handlers that axum-extra mounts by the type of their first argument, and handlers of its
//! resources.

use axum::Router;
use axum::extract::State;
use axum::extract::rejection::PathRejection;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum_extra::extract::WithRejection;
use axum_extra::routing::{Resource, RouterExt, TypedPath};
use serde::Deserialize;
use underscore_runtime::underscore_route;

use crate::support::{Answer, Service};

#[derive(TypedPath, Deserialize)]
#[typed_path("/users/{number}/notes/{note}")]
struct Note {
    number: u8,
    note: String,
}

#[derive(TypedPath, Deserialize)]
#[typed_path("/users/{number}")]
struct User(u8);

#[derive(TypedPath)]
#[typed_path("/users", rejection(Refused))]
struct Users;

#[derive(Default)]
struct Refused;

impl From<PathRejection> for Refused {
    fn from(_: PathRejection) -> Self {
        Refused
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::IM_A_TEAPOT, "refused").into_response()
    }
}

#[underscore_route]
async fn users(_: Users) -> &'static str {
    "users"
}

#[underscore_route(name = "typed_paths.user")]
async fn user(User(number): User, State(greeting): State<&'static str>) -> String {
    format!("{greeting} {number}")
}

#[underscore_route]
async fn note(Note { number, note }: Note, method: Method, body: String) -> String {
    format!("{method} {number} {note} {body}")
}

/// Generic, with its own rejection.
#[underscore_route]
async fn rejected<T: From<User> + Into<u8> + Send + 'static>(
    WithRejection(user, _): WithRejection<User, Refused>,
) -> String {
    T::from(user).into().to_string()
}

impl From<User> for u8 {
    fn from(User(number): User) -> Self {
        number
    }
}

#[underscore_route]
async fn perhaps(user: Result<User, PathRejection>) -> String {
    user.map_or_else(|rejection| rejection.body_text(), |user| user.0.to_string())
}

async fn send(service: &Service, method: Method, path: &str) -> (u16, String) {
    let request = service.request(method, path).body("body");
    let answer = Answer::of(request.send().await.expect("an answer")).await;
    (answer.status, answer.text)
}

#[tokio::test]
async fn a_handler_is_mounted_by_the_type_of_its_first_argument() {
    let app = Router::new()
        .typed_get(users)
        .typed_get(user)
        .typed_put(note)
        .typed_post(note)
        .typed_patch(note)
        .typed_delete(note)
        .typed_options(note)
        .typed_trace(note)
        .typed_head(note)
        .with_state("hello");
    let service = Service::start(app).await;
    assert_eq!(service.get("/users").await.text, "users");
    assert_eq!(service.get("/users/7").await.text, "hello 7");
    assert_eq!(service.get("/users/x").await.status, 400);
    for method in [
        Method::PUT,
        Method::POST,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
    ] {
        let (status, text) = send(&service, method.clone(), "/users/7/notes/a%20b").await;
        assert_eq!((status, text), (200, format!("{method} 7 a b body")));
    }
    let head = send(&service, Method::HEAD, "/users/7/notes/a%20b").await;
    assert_eq!(head, (200, String::new()));
    let row = service.route("typed_paths.user").await;
    assert_eq!(row["path"], "/users/{number}");
    assert_eq!(row["stats.req.total"], 2);
}

#[tokio::test]
async fn a_typed_path_may_have_a_rejection_of_its_own() {
    let service = Service::start(Router::new().typed_get(rejected::<u8>)).await;
    assert_eq!(service.get("/users/7").await.text, "7");
    let refused = service.get("/users/x").await;
    assert_eq!((refused.status, refused.text.as_str()), (418, "refused"));
}

/// As `typed_get` does for a plain function.
#[tokio::test]
async fn a_fallible_typed_path_is_mounted_by_its_constant() {
    let service = Service::start(Router::new().route(User::PATH, get(perhaps))).await;
    assert_eq!(service.get("/users/7").await.text, "7");
    assert_eq!(
        service.get("/users/x").await.text,
        "Invalid URL: Cannot parse `x` to a `u8`"
    );
}

#[tokio::test]
async fn a_resource_and_a_redirected_slash_take_annotated_handlers() {
    #[underscore_route]
    async fn index() -> &'static str {
        "index"
    }
    #[underscore_route]
    async fn show(axum::extract::Path(word): axum::extract::Path<String>) -> String {
        word
    }
    #[underscore_route]
    async fn create() -> StatusCode {
        StatusCode::CREATED
    }
    let words = Resource::named("words")
        .index(index)
        .show(show)
        .create(create);
    let app = Router::new()
        .merge(words)
        .route_with_tsr("/index", get(index));
    let service = Service::start(app).await;
    assert_eq!(service.get("/words").await.text, "index");
    assert_eq!(service.get("/words/ann").await.text, "ann");
    assert_eq!(send(&service, Method::POST, "/words").await.0, 201);
    assert_eq!(service.get("/index/").await.text, "index");
}

//! Method and path in the attribute: `mount` uses them, and if a router serves the handler
//! elsewhere, the tables show that.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};
use underscore_runtime::{RouterExt, underscore_route};

use super::names::framework;
use crate::support::Service;

#[derive(Clone)]
struct Greeting(&'static str);

#[underscore_route(get, "/users/{id}", name = "declared.user")]
async fn user(State(Greeting(word)): State<Greeting>, Path(id): Path<u32>) -> String {
    format!("{word} {id}")
}

#[underscore_route(DELETE, "/users/{id}", name = "declared.remove")]
async fn remove(Path(id): Path<u32>) -> String {
    format!("removed {id}")
}

#[underscore_route(any, "/anything", name = "declared.anything")]
async fn anything(method: Method) -> String {
    method.to_string()
}

#[underscore_route(post, "/generic", name = "declared.generic")]
async fn generic<T: Default + ToString + Send + 'static>(_: String) -> String {
    T::default().to_string()
}

#[underscore_route("/said", crate = framework::reexport, name = "declared.reexported", get)]
async fn reexported() -> &'static str {
    "reexported"
}

#[tokio::test]
async fn a_handler_is_mounted_where_its_attribute_says() {
    let app: Router = Router::new()
        .mount(user)
        .mount(remove)
        .mount(anything)
        .mount(generic::<u8>)
        .mount(reexported)
        .with_state(Greeting("hello"));
    let service = Service::start(app).await;
    for (method, path, answer) in [
        (Method::GET, "/users/7", "hello 7"),
        (Method::DELETE, "/users/7", "removed 7"),
        (Method::PUT, "/anything", "PUT"),
        (Method::GET, "/anything", "GET"),
        (Method::POST, "/generic", "0"),
        (Method::GET, "/said", "reexported"),
    ] {
        let sent = service.request(method.clone(), path).send().await;
        let got = sent.expect("an answer").text().await.expect("a text");
        assert_eq!(got, answer, "{method} {path}");
    }
    let other = service.request(Method::POST, "/users/7").send().await;
    let other = other.expect("an answer").status();
    assert_eq!(other, StatusCode::METHOD_NOT_ALLOWED);
    let row = service.route("declared.user").await;
    assert_eq!(row["declared"], "GET /users/{id}");
    assert_eq!(row["as_declared"], true);
}

#[test]
fn a_second_handler_at_the_same_place_is_a_panic_where_it_was_mounted() {
    #[underscore_route(get, "/users/{id}")]
    async fn another() {}

    let app = Router::new().mount(user);
    let twice = catch_unwind(AssertUnwindSafe(|| app.mount(another)));
    let said = twice.expect_err("axum panics");
    let said = said.downcast_ref::<String>().expect("with words");
    assert!(said.contains("/users/{id}"), "{said}");
}

#[underscore_route(get, "/here", name = "declared.moved")]
async fn moved() {}

#[underscore_route(get, "/inside", name = "declared.nested")]
async fn nested() {}

#[underscore_route(get, name = "declared.method")]
async fn only_a_method() {}

#[underscore_route("/only", name = "declared.path")]
async fn only_a_path() {}

#[underscore_route(name = "declared.nothing")]
async fn nothing() {}

#[underscore_route(any, "/all", name = "declared.all")]
async fn all() {}

/// Holds 3.63 of docs/admin-api.md.
#[tokio::test]
async fn the_declared_path_is_compared_with_the_mounted_one() {
    let app = Router::new()
        .route("/there", get(moved))
        .nest("/api", Router::new().mount(nested))
        .route("/method", post(only_a_method))
        .route("/only", get(only_a_path))
        .route("/nothing", get(nothing))
        .mount(all);
    let service = Service::start(app).await;
    let expected = [
        ("moved", "GET", "/there", json!("GET /here"), json!(false)),
        (
            "nested",
            "GET",
            "/api/inside",
            json!("GET /inside"),
            json!(false),
        ),
        ("method", "POST", "/method", json!("GET"), json!(false)),
        ("path", "GET", "/only", json!("/only"), json!(true)),
        ("nothing", "GET", "/nothing", Value::Null, Value::Null),
        ("all", "PATCH", "/all", json!("ANY /all"), json!(true)),
    ];
    for (name, method, path, declared, as_declared) in expected {
        let name = format!("declared.{name}");
        let before = service.route(&name).await;
        assert_eq!(before["declared"], declared, "{name}");
        assert_eq!(before["as_declared"], Value::Null, "{name}");
        let method = method.parse().expect("a method");
        let answer = service.request(method, path).send().await;
        assert_eq!(
            answer.expect("an answer").status(),
            StatusCode::OK,
            "{name}"
        );
        let row = service.wait_for(&name, "mounted", true).await;
        assert_eq!(row["declared"], declared, "{name}");
        assert_eq!(row["as_declared"], as_declared, "{name}");
    }
}

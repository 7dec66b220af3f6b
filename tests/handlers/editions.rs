//! Handlers in crates of editions 2021 and 2024, in one that denies many lints, and in one that
//! renames the dependency. clippy checks that they compile without a warning, these tests check
//! their responses.

use axum::Router;
use axum::routing::get;
use reqwest::Method;

use crate::support::{Answer, Service};

/// Asserts the responses of the handlers that all crates share.
async fn assert_answers(service: &Service) {
    for (path, text) in [
        ("/users/ann?a=1&b=2", "ann 3"),
        ("/future/word", "word"),
        ("/sum/1/2", "3"),
        ("/twice/1/2", "33"),
        ("/kept/1/2", "3"),
        ("/thrice/1/2", "333"),
    ] {
        assert_eq!(service.get(path).await.text, text, "{path}");
    }
    let post = async |number: u8| {
        let request = service.request(Method::POST, "/fallible").json(&number);
        Answer::of(request.send().await.expect("an answer")).await
    };
    assert_eq!(post(7).await.text, "28");
    assert_eq!(post(255).await.status, 409);
    assert_eq!(service.get("/upgraded").await.status, 400);
}

async fn assert_answers_of_an_edition(router: Router, of_this_edition: Router) {
    let service = Service::start(router.merge(of_this_edition)).await;
    assert_answers(&service).await;
    for (path, text) in [
        ("/nothing", ""),
        ("/generic", "7-7-7"),
        ("/shadowed/word", "word"),
        ("/reexported", "re-exported"),
        ("/conditional", "conditional"),
        ("/never", "never annotated"),
        ("/macro", "written"),
        ("/local", "local"),
        ("/gen/word", "word"),
        ("/own/word", "word"),
    ] {
        assert_eq!(service.get(path).await.text, text, "{path}");
    }
}

/// What the functions with guards give without the attribute.
const SUM: u32 = 78;

#[tokio::test]
async fn handlers_work_in_a_crate_of_edition_2021() {
    use edition_2021::of_this_edition::{future, r#gen};
    let own = Router::new()
        .route("/gen/{word}", get(r#gen))
        .route("/own/{word}", get(future));
    assert_answers_of_an_edition(edition_2021::handlers::router(), own).await;
    assert_eq!(edition_2021::guards::run().await, SUM);
}

#[tokio::test]
async fn handlers_work_in_a_crate_of_edition_2024() {
    use edition_2024::of_this_edition::{future, r#gen};
    let own = Router::new()
        .route("/gen/{word}", get(r#gen))
        .route("/own/{word}", get(future));
    assert_answers_of_an_edition(edition_2024::handlers::router(), own).await;
    assert_eq!(edition_2024::guards::run().await, SUM);
}

#[tokio::test]
async fn handlers_work_in_a_crate_that_denies_every_lint() {
    let router = hostile_lints::router().merge(hostile_lints::guards());
    let service = Service::start(router).await;
    assert_answers(&service).await;
    for (path, text) in [
        ("/holds", "1 "),
        ("/tries", ""),
        ("/helped", "5"),
        ("/public", "public"),
        ("/generic", "7!"),
        ("/traced", "traced"),
        ("/kept-future/word", "word"),
    ] {
        assert_eq!(service.get(path).await.text, text, "{path}");
    }
    let shown = hostile_lints::Page::default().shown("word").await;
    assert_eq!(shown.as_deref(), Some("ord"));
    let row = service.route("hostile.user").await;
    assert_eq!(
        (&row["method"], &row["path"]),
        (&"GET".into(), &"/users/{name}".into())
    );
}

#[tokio::test]
async fn a_crate_that_renames_the_runtime_names_it_in_the_attribute_or_restores_the_name() {
    let service = Service::start(renamed::router()).await;
    assert_eq!(service.get("/says-which/word").await.text, "word");
    assert_eq!(service.get("/kept/word").await.text, "word");
    assert_eq!(service.get("/bare/word").await.text, "word");
}

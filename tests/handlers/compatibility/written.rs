//! Syntax of handlers: futures of every kind, lifetimes, raw identifiers, all fragments of
//! `macro_rules!`, boxed trait methods.

use std::borrow::Cow;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum_extra::extract::JsonDeserializer;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use underscore_runtime::underscore_route;

use crate::support::Service;

#[underscore_route]
fn boxed(Path(word): Path<String>) -> BoxFuture<'static, String> {
    Box::pin(async move { ready(word).await })
}

#[underscore_route]
fn pinned(Path(word): Path<String>) -> Pin<Box<dyn Future<Output = String> + Send>> {
    Box::pin(async move { ready(word).await })
}

#[underscore_route]
fn opaque(Path(word): Path<String>) -> impl Future<Output = impl IntoResponse> {
    async move { (StatusCode::ACCEPTED, ready(word).await) }
}

/// The service's own future.
struct Twice(Ready<String>);

impl Future for Twice {
    type Output = String;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<String> {
        Pin::new(&mut self.0).poll(cx).map(|word| word.repeat(2))
    }
}

#[underscore_route]
fn named(Path(word): Path<String>) -> Twice {
    Twice(ready(word))
}

#[underscore_route]
async fn endless(Path(word): Path<String>) -> String {
    loop {
        let word = ready(&word).await;
        if !word.is_empty() {
            return word.clone();
        }
    }
}

#[underscore_route]
#[allow(unreachable_code, clippy::diverging_sub_expression)]
async fn diverging(Path(word): Path<String>) -> Result<std::convert::Infallible, String> {
    return Err(word);
    loop {
        std::future::pending::<()>().await;
    }
}

#[underscore_route]
async fn r#match(Path(r#type): Path<String>) -> String {
    r#type
}

#[tokio::test]
async fn a_handler_may_return_a_future_by_any_name() {
    let app = Router::new()
        .route("/boxed/{word}", get(boxed))
        .route("/pinned/{word}", get(pinned))
        .route("/opaque/{word}", get(opaque))
        .route("/named/{word}", get(named))
        .route("/endless/{word}", get(endless))
        .route("/diverging/{word}", get(diverging))
        .route("/match/{word}", get(r#match));
    let service = Service::start(app).await;
    for path in ["boxed", "pinned", "opaque", "endless", "diverging", "match"] {
        assert_eq!(service.get(&format!("/{path}/word")).await.text, "word");
    }
    assert_eq!(service.get("/opaque/word").await.status, 202);
    assert_eq!(service.get("/named/word").await.text, "wordword");
}

/// Borrows from the body.
#[derive(Deserialize)]
struct Borrowed<'a> {
    word: Cow<'a, str>,
}

#[underscore_route]
async fn elided(json: JsonDeserializer<Borrowed<'_>>) -> String {
    json.deserialize().map_or_else(
        |error| error.to_string(),
        |borrowed| borrowed.word.into_owned(),
    )
}

#[underscore_route]
#[allow(clippy::elidable_lifetime_names, reason = "some write them")]
async fn explicit<'a>(json: JsonDeserializer<Borrowed<'a>>) -> String {
    ready(()).await;
    json.deserialize().map_or_else(
        |error| error.to_string(),
        |borrowed| borrowed.word.into_owned(),
    )
}

#[underscore_route]
#[allow(clippy::elidable_lifetime_names, reason = "some write them")]
async fn explicit_and_generic<'a, T: ToString + Clone + Send + Sync + 'static>(
    State(state): State<T>,
    json: JsonDeserializer<Borrowed<'a>>,
) -> String {
    let word = json
        .deserialize()
        .map(|borrowed| borrowed.word.into_owned());
    word.unwrap_or_default() + &state.to_string()
}

#[tokio::test]
async fn an_argument_may_name_a_lifetime() {
    let app = Router::new()
        .route("/elided", post(elided))
        .route("/explicit", post(explicit))
        .route("/generic", post(explicit_and_generic::<u8>))
        .with_state(7);
    let service = Service::start(app).await;
    for (path, expected) in [
        ("/elided", "ann"),
        ("/explicit", "ann"),
        ("/generic", "ann7"),
    ] {
        let request = service.request(reqwest::Method::POST, path);
        let answer = request
            .json(&serde_json::json!({"word": "ann"}))
            .send()
            .await;
        assert_eq!(
            answer.expect("an answer").text().await.expect("text"),
            expected
        );
    }
}

/// A macro with an argument of each kind that can be a part of a handler.
macro_rules! handler {
    (
        $(#[$meta:meta])* $vis:vis $name:ident $method:ident $path:literal
        ($($pattern:pat => $type:ty),*) -> $returned:ty [$($statement:stmt;)*] $value:expr
    ) => {
        $(#[$meta])*
        #[underscore_route($method, $path)]
        $vis async fn $name($($pattern: $type),*) -> $returned { $($statement;)* $value }
    };
    (block $name:ident $body:block $lifetime:lifetime $extractor:path) => {
        #[underscore_route]
        async fn $name(argument: $extractor) -> &$lifetime str { drop(argument); $body }
    };
    (tokens $($function:tt)*) => {
        #[underscore_route]
        $($function)*
    };
    (item $function:item) => {
        #[underscore_route]
        $function
    };
}

mod of_macros {
    use super::{Path, State, ready, underscore_route};

    handler! {
        /// Documented by the macro's caller.
        #[allow(clippy::let_and_return)]
        pub(super) fragments get "/fragments/{word}"
        (Path(word) => Path<String>, State(number) => State<u8>) -> String [let doubled = ready(number).await * 2;]
        [word, ready(doubled).await.to_string()].join(" ")
    }

    handler! { block block { let answer = ready("block"); answer.await } 'static Path<String> }

    handler! { tokens pub(super) async fn tokens() -> &'static str { ready("tokens").await } }

    handler! { item async fn item() -> &'static str { ready("item").await } }

    /// Two handlers in one expansion, whose hidden names must not collide, and an argument that
    /// only the caller can name.
    macro_rules! pair {
        ($first:ident $second:ident $argument:ident) => {
            #[underscore_route]
            pub(super) async fn $first(Path($argument): Path<String>) -> String {
                let argument = "of the macro";
                let $argument = ready($argument).await;
                format!("{} {argument}", $argument)
            }

            #[underscore_route]
            pub(super) async fn $second(Path($argument): Path<u8>) -> String {
                ready($argument).await.to_string()
            }
        };
    }

    pair!(first second argument);

    /// A name from the macro itself.
    macro_rules! hidden {
        ($answer:expr) => {
            pub(super) fn hidden() -> axum::routing::MethodRouter<u8> {
                #[underscore_route]
                async fn of_the_macro() -> &'static str {
                    ready($answer).await
                }
                axum::routing::get(of_the_macro)
            }
        };
    }

    hidden!("hidden");

    pub(super) fn router() -> axum::Router<u8> {
        use axum::routing::get;
        axum::Router::new()
            .route("/fragments/{word}", get(fragments))
            .route("/block/{word}", get(block))
            .route("/tokens", get(tokens))
            .route("/item", get(item))
            .route("/first/{word}", get(first))
            .route("/second/{number}", get(second))
            .route("/hidden", hidden())
    }
}

#[tokio::test]
async fn a_macro_may_generate_any_part_of_a_handler() {
    let service = Service::start(of_macros::router().with_state(7)).await;
    assert_eq!(service.get("/fragments/ann").await.text, "ann 14");
    assert_eq!(service.get("/block/ann").await.text, "block");
    assert_eq!(service.get("/tokens").await.text, "tokens");
    assert_eq!(service.get("/item").await.text, "item");
    assert_eq!(service.get("/first/ann").await.text, "ann of the macro");
    assert_eq!(service.get("/second/7").await.text, "7");
    assert_eq!(service.get("/hidden").await.text, "hidden");
}

/// A service trait with boxed futures.
#[async_trait]
trait Repository: Send + Sync + 'static {
    async fn find(&self, number: u8) -> Option<String>;
}

#[derive(Clone)]
struct InMemory;

#[async_trait]
impl Repository for InMemory {
    async fn find(&self, number: u8) -> Option<String> {
        ready(Some(number.to_string())).await
    }
}

#[underscore_route]
async fn of_a_boxed(
    State(repository): State<Arc<dyn Repository>>,
    Path(number): Path<u8>,
) -> Result<String, StatusCode> {
    repository.find(number).await.ok_or(StatusCode::NOT_FOUND)
}

#[underscore_route]
async fn of_a_generic<R: Repository>(
    State(repository): State<Arc<R>>,
    Path(number): Path<u8>,
) -> Result<String, StatusCode> {
    repository.find(number).await.ok_or(StatusCode::NOT_FOUND)
}

#[async_trait]
trait Mounts {
    async fn router(&self) -> Router;
}

/// A handler inside a function that `async_trait` rewrites.
#[async_trait]
impl Mounts for InMemory {
    async fn router(&self) -> Router {
        #[underscore_route]
        async fn inside(Path(word): Path<String>) -> String {
            ready(word).await
        }
        ready(Router::new().route("/inside/{word}", get(inside))).await
    }
}

#[tokio::test]
async fn a_handler_may_call_boxed_traits_and_be_defined_in_their_methods() {
    let boxed: Arc<dyn Repository> = Arc::new(InMemory);
    let app = InMemory
        .router()
        .await
        .merge(
            Router::new()
                .route("/boxed/{number}", get(of_a_boxed))
                .with_state(boxed),
        )
        .merge(
            Router::new()
                .route("/generic/{number}", get(of_a_generic::<InMemory>))
                .with_state(Arc::new(InMemory)),
        );
    let service = Service::start(app).await;
    assert_eq!(service.get("/inside/word").await.text, "word");
    assert_eq!(service.get("/boxed/7").await.text, "7");
    assert_eq!(service.get("/generic/7").await.text, "7");
}

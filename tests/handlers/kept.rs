//! Handlers that keep their signatures: called and mounted in every way that a plain function is,
//! with arguments that no extractor has.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Display;
use std::future::ready;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any_service, get};
use tower::service_fn;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::support::Service;
use crate::support::futures::{Boxed, boxed, poll_once};

#[underscore_route(get, "/users/{name}", name = "kept.user", keep)]
async fn user(State(site): State<&'static str>, Path(name): Path<String>) -> String {
    let name = ready(name).await;
    format!("{name} of {site}")
}

/// Calls another handler.
#[underscore_route(keep)]
async fn myself(site: State<&'static str>) -> Response {
    let mut page = user(site, Path("me".to_owned())).await;
    page.push('!');
    page.into_response()
}

#[tokio::test]
async fn a_test_calls_the_handler() {
    let page = user(State("tests"), Path("ann".to_owned())).await;
    assert_eq!(page, "ann of tests");
}

/// Boxes its own future.
#[underscore_route(keep)]
fn shouted(name: String) -> Boxed<String> {
    let name = name + "!";
    Box::pin(async move { ready(name).await })
}

#[underscore_route(keep)]
fn whispered(name: String) -> Boxed<String> {
    Box::pin(async move { name.to_lowercase() })
}

type PageFn = fn(String) -> Boxed<String>;

#[tokio::test]
async fn tables_of_functions_hold_handlers() {
    let in_order: [PageFn; 2] = [shouted, whispered];
    let called = |name: String| boxed(async { user(State("table"), Path(name)).await });
    let by_name: HashMap<&str, PageFn> =
        HashMap::from([("shout", shouted as PageFn), ("user", called)]);
    assert_eq!(in_order[1]("Ann".to_owned()).await, "ann");
    assert_eq!(by_name["shout"]("Ann".to_owned()).await, "Ann!");
    assert_eq!(by_name["user"]("Ann".to_owned()).await, "Ann of table");
}

#[derive(Clone)]
struct Api {
    greeting: Arc<str>,
}

impl Api {
    #[underscore_route(get, "/greet/{name}", name = "kept.greet", keep)]
    async fn greet(&self, name: &str) -> String {
        let greeting = ready(&self.greeting).await;
        format!("{greeting}, {name}")
    }

    /// Without `self`, beside a method of the same name in another type.
    #[underscore_route(name = "kept.status", keep)]
    async fn status() -> StatusCode {
        ready(StatusCode::ACCEPTED).await
    }
}

/// The body of the whole `impl` is in the stack, and one of its methods is a handler.
struct Other;

#[underscore_frame]
impl Other {
    #[underscore_route(name = "kept.other", keep)]
    async fn status() -> StatusCode {
        Self::code(204).await
    }

    async fn code(code: u16) -> StatusCode {
        ready(StatusCode::from_u16(code)).await.unwrap_or_default()
    }
}

/// A trait with a handler for each implementation, and one for all.
trait Page {
    fn title(&self) -> impl Future<Output = String> + Send;

    #[underscore_route(keep)]
    fn shown(&self) -> impl Future<Output = String> + Send
    where
        Self: Sync,
    {
        async { format!("<{}>", self.title().await) }
    }
}

impl Page for Api {
    #[underscore_route(keep)]
    async fn title(&self) -> String {
        ready(self.greeting.to_string()).await
    }
}

#[async_trait]
trait Object: Send + Sync {
    async fn name(&self, suffix: &str) -> Option<String>;
}

#[async_trait]
impl Object for Api {
    #[underscore_route(name = "kept.object", keep)]
    async fn name(&self, suffix: &str) -> Option<String> {
        let greeting = ready(self.greeting.strip_prefix('h')).await?;
        Some(format!("{greeting}{suffix}"))
    }
}

#[tokio::test]
async fn methods_are_handlers() {
    let api = Api {
        greeting: "hello".into(),
    };
    let (greeting, object) = (api.clone(), Arc::new(api.clone()) as Arc<dyn Object>);
    let greet = async move |Path(name): Path<String>| greeting.greet(&name).await;
    let app = Router::new()
        .route("/greet/{name}", get(greet))
        .route("/status", get(Api::status))
        .route("/other", get(Other::status));
    let service = Service::start(app).await;
    assert_eq!(service.get("/greet/ann").await.text, "hello, ann");
    assert_eq!(service.get("/status").await.status, 202);
    assert_eq!(service.get("/other").await.status, 204);
    assert_eq!(api.shown().await, "<hello>");
    assert_eq!(object.name("!").await.as_deref(), Some("ello!"));
}

#[tokio::test]
async fn the_path_of_a_method_names_its_type() {
    let service = Service::start(Router::new()).await;
    for (name, handler) in [
        ("kept.user", "handlers::kept::user"),
        ("kept.greet", "handlers::kept::Api::greet"),
        ("kept.status", "handlers::kept::Api::status"),
        ("kept.other", "handlers::kept::Other::status"),
        ("kept.object", "handlers::kept::Api::name"),
    ] {
        let row = service.route(name).await;
        assert_eq!(row["handler"], handler, "{name}");
    }
    let row = service.route("kept.greet").await;
    assert_eq!(
        (&row["method"], &row["path"]),
        (&"GET".into(), &"/greet/{name}".into())
    );
}

#[underscore_route(keep)]
async fn generic<T: Display, const N: usize>(values: [T; N]) -> String {
    let values = ready(values).await;
    values.map(|value| value.to_string()).join("-")
}

#[underscore_route(keep)]
async fn opaque(
    mut names: impl Iterator<Item = &'static str> + Send,
    last: &(impl Display + Sync),
) -> String {
    let first = ready(names.next()).await.unwrap_or("nobody");
    format!("{first} and {last}")
}

#[underscore_route(keep)]
async fn borrowed<'a>(names: &'a [String], log: &mut Vec<usize>) -> Option<&'a str> {
    log.push(names.len());
    let last = ready(names.last()).await?;
    if last.is_empty() {
        return None;
    }
    log.push(last.len());
    Some(last)
}

#[underscore_route(keep)]
#[rustfmt::skip]
#[expect(
    clippy::many_single_char_names,
    clippy::too_many_arguments,
    reason = "more than axum's limit"
)]
async fn seventeen(
    a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8,
    j: u8, k: u8, l: u8, m: u8, n: u8, o: u8, p: u8, q: u8,
) -> u8 {
    ready(a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q).await
}

/// Its future is not `Send`, so it can run on one thread only.
#[underscore_route(keep)]
async fn local(count: Rc<u8>) -> u8 {
    let count = ready(count).await;
    *count
}

/// An argument for some builds only, and a body that diverges.
#[underscore_route(keep)]
async fn conditional(#[cfg(test)] code: u8, #[cfg(not(test))] code: NoSuchType) -> Result<(), u8> {
    use std::convert::identity;
    Err(ready(identity(code)).await)?
}

#[tokio::test]
async fn arguments_need_not_be_extractors() {
    assert_eq!(generic([1, 2, 3]).await, "1-2-3");
    assert_eq!(generic::<char, 1>(['x']).await, "x");
    assert_eq!(opaque(["ann"].into_iter(), &7).await, "ann and 7");
    let mut log = Vec::new();
    let names = ["ann".to_owned(), "bob".to_owned()];
    assert_eq!(borrowed(&names, &mut log).await, Some("bob"));
    assert_eq!(borrowed(&[], &mut log).await, None);
    assert_eq!(borrowed(&[String::new()], &mut log).await, None);
    assert_eq!(log, [2, 3, 0, 1]);
    let sum = seventeen(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1).await;
    assert_eq!(sum, 17);
    assert_eq!(local(Rc::new(5)).await, 5);
    assert_eq!(conditional(9).await, Err(9));
}

/// A handler of tower's.
#[underscore_route(keep)]
async fn service(request: Request) -> Result<Response, Infallible> {
    let path = ready(request.uri().path().to_owned()).await;
    Ok(path.into_response())
}

#[underscore_route(keep)]
#[tracing::instrument(skip_all)]
async fn traced() -> &'static str {
    ready("traced").await
}

#[tracing::instrument(skip_all)]
#[underscore_route(keep)]
#[must_use]
async fn traced_above() -> &'static str {
    ready("traced above").await
}

/// The generated item stands beside the function.
#[underscore_route(keep)]
#[utoipa::path(get, path = "/documented", responses((status = OK, body = String)))]
async fn documented() -> &'static str {
    ready("documented").await
}

#[tokio::test]
async fn a_handler_is_mounted_and_called_from_handlers_and_closures() {
    use utoipa::OpenApi;

    #[derive(OpenApi)]
    #[openapi(paths(documented))]
    struct Document;

    let app = Router::new()
        .route("/users/{name}", get(user))
        .route("/myself", get(myself))
        .route(
            "/closure",
            get(|site: State<&'static str>| user(site, Path("closure".to_owned()))),
        )
        .route("/service", any_service(service_fn(service)))
        .route("/traced", get(traced))
        .route("/above", get(traced_above))
        .route("/documented", get(documented))
        .with_state("site");
    let service = Service::start(app).await;
    for (path, expected) in [
        ("/users/ann", "ann of site"),
        ("/myself", "me of site!"),
        ("/closure", "closure of site"),
        ("/service", "/service"),
        ("/traced", "traced"),
        ("/above", "traced above"),
        ("/documented", "documented"),
    ] {
        assert_eq!(service.get(path).await.text, expected, "{path}");
    }
    assert!(Document::openapi().paths.paths.contains_key("/documented"));
}

#[test]
fn the_future_of_a_handler_is_send() {
    fn is_send(_: &impl Send) {}
    is_send(&user(State("site"), Path(String::new())));
    is_send(&generic([1]));
    is_send(&Api::status());
    is_send(&service(Request::default()));
}

/// Records its drop.
struct Recorded(&'static str, Log);

type Log = Arc<Mutex<Vec<&'static str>>>;

impl Drop for Recorded {
    fn drop(&mut self) {
        let mut log = self.1.lock().expect("no test panics with it");
        log.push(self.0);
    }
}

impl Recorded {
    fn ok(&self) -> Option<&'static str> {
        (self.0 != "missing").then_some(self.0)
    }
}

/// Writes a function once with the attributes and once without: a pattern that binds a part of an
/// argument, shadowed locals, an early return, and a temporary in the final expression.
macro_rules! ordered {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        async fn $name(
            log: Log,
            (first, _): (Recorded, Recorded),
            _: Recorded,
            exit: &'static str,
        ) -> Option<usize> {
            let new = |name| Recorded(name, log.clone());
            let local = new("local");
            let _shadowed = new("shadowed");
            let _shadowed = new("shadowing");
            if exit == "return" {
                return Some(first.0.len());
            }
            if exit == "pending" {
                std::future::pending::<()>().await;
            }
            let exit = new(exit).ok()?;
            ready(()).await;
            drop(local);
            Some(new("temporary").0.len() + exit.len())
        }
    };
}

ordered!(plain);
ordered!(
    #[underscore_route(keep)]
    kept
);

#[tokio::test]
async fn values_are_dropped_in_the_order_of_the_plain_function() {
    async fn drops<F>(
        handler: impl Fn(Log, (Recorded, Recorded), Recorded, &'static str) -> F,
        exit: &'static str,
    ) -> Vec<&'static str>
    where
        F: Future<Output = Option<usize>> + Send + 'static,
    {
        let log = Log::default();
        let new = |name| Recorded(name, Arc::clone(&log));
        let arguments = (new("first"), new("second"));
        let mut called = boxed(handler(Arc::clone(&log), arguments, new("third"), exit));
        let is_ready = exit == "unpolled" || poll_once(&mut called).await;
        assert_eq!(is_ready, exit != "pending");
        drop(called);
        let log = log.lock().expect("no handler panics with it");
        log.clone()
    }
    for (exit, count) in [
        ("end", 8),
        ("return", 6),
        ("missing", 7),
        ("pending", 6),
        ("unpolled", 3),
    ] {
        let expected = drops(plain, exit).await;
        assert_eq!(expected.len(), count, "{exit}: {expected:?}");
        assert_eq!(drops(kept, exit).await, expected, "{exit}");
    }
}

//! Generic handlers: types, constants, where clauses, inferred from the router's state or named.

use std::fmt::{Debug, Display};
use std::future::{Future, ready};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use underscore_runtime::underscore_route;

use crate::support::Service;

/// A typical database trait, without further bounds.
trait Database: Clone + Send + Sync + 'static {
    type Row: Serialize + Send;
    type Error: Debug;

    fn list(&self) -> impl Future<Output = Result<Vec<Self::Row>, Self::Error>> + Send;
}

#[derive(Clone)]
struct Pg;

impl Database for Pg {
    type Row = &'static str;
    type Error = std::convert::Infallible;

    async fn list(&self) -> Result<Vec<&'static str>, Self::Error> {
        ready(Ok(vec!["a", "b"])).await
    }
}

#[derive(Clone)]
struct App<D> {
    database: D,
}

#[underscore_route]
async fn list<D: Database>(State(app): State<App<D>>) -> Result<Json<Vec<D::Row>>, String> {
    let rows = app.database.list().await;
    rows.map(Json).map_err(|error| format!("{error:?}"))
}

#[underscore_route]
async fn with_where<D>(app: State<App<D>>) -> String
where
    D: Database,
    for<'a> &'a D::Row: Display,
{
    let rows = app.database.list().await.unwrap_or_default();
    let rows: Vec<String> = rows.iter().map(|row| row.to_string()).collect();
    rows.join(",")
}

#[underscore_route]
async fn constant<const N: usize>() -> String {
    N.to_string()
}

#[underscore_route]
async fn mixed<D: Database, T, const N: usize, const LOUD: bool>(
    State(app): State<App<D>>,
    Path(item): Path<T>,
) -> String
where
    T: DeserializeOwned + Send + Display + 'static,
{
    let count = app.database.list().await.map_or(0, |rows| rows.len());
    let mark = if LOUD { "!" } else { "" };
    format!("{item} {N} {count}{mark}")
}

/// A trait whose futures are `Send` for some types only, which axum requires of mounted handlers.
trait Store: Clone + Send + Sync + 'static {
    fn count(&self) -> impl Future<Output = u8>;
}

impl Store for Pg {
    async fn count(&self) -> u8 {
        ready(7).await
    }
}

#[underscore_route]
async fn counted<D: Store>(State(app): State<App<D>>) -> String {
    app.database.count().await.to_string()
}

#[tokio::test]
async fn a_trait_need_not_require_send_futures_if_the_mounted_types_have_them() {
    let app = Router::new()
        .route("/named", get(counted::<Pg>))
        .route("/inferred", get(counted))
        .with_state(App { database: Pg });
    let service = Service::start(app).await;
    assert_eq!(service.get("/named").await.text, "7");
    assert_eq!(service.get("/inferred").await.text, "7");
}

/// Bounds that hold for concrete types only: like an `async fn` in a trait, it promises neither
/// `'static` nor `Send` futures.
trait Clock {
    fn now(&self) -> u64;
}

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> u64 {
        7
    }
}

#[underscore_route]
async fn not_static<C>(State(clock): State<Arc<C>>) -> String
where
    C: Clock + Send + Sync,
{
    clock.now().to_string()
}

#[underscore_route]
async fn unsized_clock<C: Clock + Send + Sync + ?Sized>(State(clock): State<Arc<C>>) -> String {
    clock.now().to_string()
}

#[tokio::test]
async fn a_generic_handler_is_mounted_by_name_and_by_inference() {
    let app = Router::new()
        .route("/named", get(list::<Pg>))
        .route("/inferred", get(list))
        .route("/where", get(with_where::<Pg>))
        .with_state(App { database: Pg });
    let service = Service::start(app).await;
    for path in ["/named", "/inferred"] {
        assert_eq!(service.get(path).await.text, r#"["a","b"]"#);
    }
    assert_eq!(service.get("/where").await.text, "a,b");
}

#[tokio::test]
async fn a_handler_may_have_const_parameters() {
    let app = Router::new()
        .route("/three", get(constant::<3>))
        .route("/mixed/{item}", get(mixed::<Pg, u8, 5, true>))
        .route("/inferred/{item}", get(mixed::<_, String, 5, false>))
        .with_state(App { database: Pg });
    let service = Service::start(app).await;
    assert_eq!(service.get("/three").await.text, "3");
    assert_eq!(service.get("/mixed/8").await.text, "8 5 2!");
    assert_eq!(service.get("/mixed/x").await.status, 400);
    assert_eq!(service.get("/inferred/x").await.text, "x 5 2");
}

#[tokio::test]
async fn a_parameter_needs_no_bound_that_axum_does_not_ask_for() {
    let app = Router::new()
        .route("/", get(not_static::<Stopped>))
        .with_state(Arc::new(Stopped));
    let service = Service::start(app).await;
    assert_eq!(service.get("/").await.text, "7");
    let clock: Arc<dyn Clock + Send + Sync> = Arc::new(Stopped);
    let app = Router::new()
        .route("/", get(unsized_clock))
        .with_state(clock);
    assert_eq!(Service::start(app).await.get("/").await.text, "7");
}

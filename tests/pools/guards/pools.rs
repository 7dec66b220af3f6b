//! Pools with one connection: a request that holds it over an await, and one that waits for it.
//!
//! Pools are known by their names and types, so each test has a process of its own.

use axum::Router;
use axum::extract::State;
use axum::routing::{MethodRouter, get};
use reqwest::Method;
use serde_json::Value;
use sqlx::Acquire;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tokio::task::spawn_blocking;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::held::{holding, stay, texts, wait_for_row};
use crate::nothing::Nothing;
use crate::support::{Service, process::own_process};

pub type Managed = deadpool::managed::Pool<Nothing>;
pub type Unmanaged = deadpool::unmanaged::Pool<u8>;
pub type Bb8 = bb8::Pool<Nothing>;
pub type Mobc = mobc::Pool<Nothing>;

pub fn managed() -> Managed {
    let pool = Managed::builder(Nothing).max_size(1).build();
    pool.expect("it has no timeout")
}

pub fn unmanaged() -> Unmanaged {
    Unmanaged::from(vec![0])
}

pub async fn bb8() -> Bb8 {
    let pool = Bb8::builder().max_size(1).build(Nothing).await;
    pool.expect("nothing can fail")
}

pub fn mobc() -> Mobc {
    Mobc::builder().max_open(1).build(Nothing)
}

pub fn sqlite() -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(1);
    let pool = options.connect_lazy("sqlite::memory:");
    pool.expect("the address is valid")
}

/// Sends two requests: the first takes `held` and stays, the second waits for it. The resource is
/// of the type `of`.
async fn assert_held(route: &str, app: MethodRouter, held: &[&str], of: &str) {
    let service = Service::start(Router::new().route("/", app)).await;
    let first = service.send_get().await;
    let holder = service.wait_for_await(route, "stay()").await;
    assert_eq!(texts(&holder["holding"]), held, "{holder:#}");
    let second = service.send_get().await;
    let is_waiter = |task: &Value| task["id"] != holder["id"] && task["where"].is_string();
    let waiter = service.wait_for_task(route, is_waiter).await;
    let row = wait_for_row(&service, &waiter["where"], |_| true).await;
    assert_eq!(row["type"], of, "{row:#}");
    assert_eq!(row["known_by"], "name", "{row:#}");
    assert_eq!((&row["waiting"], &row["held"]), (&1.into(), &1.into()));
    assert_eq!(row["holders"], holder["id"].to_string(), "{row:#}");
    let verdict = row["verdict"].as_str().expect("a verdict");
    let goes_on = format!("{} holds it and is at ", holder["id"]);
    assert!(verdict.starts_with(&goes_on), "{row:#}");
    drop((first, second));
    service.wait_for(route, "stats.req.active", 0).await;
}

#[underscore_route(name = "managed")]
async fn of_managed(State(pool): State<Managed>) {
    let connection = pool.get().await.expect("open");
    stay().await;
    drop(connection);
}

#[underscore_route(name = "unmanaged")]
async fn of_unmanaged(State(pool): State<Unmanaged>) {
    let connection = pool.get().await.expect("open");
    stay().await;
    drop(connection);
}

#[underscore_route(name = "bb8")]
async fn of_bb8(State(pool): State<Bb8>) {
    let connection = pool.get().await.expect("open");
    stay().await;
    drop(connection);
}

#[underscore_route(name = "mobc")]
async fn of_mobc(State(pool): State<Mobc>) {
    let connection = pool.get().await.expect("open");
    stay().await;
    drop(connection);
}

#[underscore_route(name = "sqlx_acquire")]
async fn of_sqlx(State(pool): State<SqlitePool>) {
    let connection = pool.acquire().await.expect("open");
    stay().await;
    drop(connection);
}

#[underscore_route(name = "sqlx_begin")]
async fn of_sqlx_begin(State(pool): State<SqlitePool>) {
    let mut transaction = pool.begin().await.expect("open");
    sqlx::query("SELECT 1")
        .execute(&mut *transaction)
        .await
        .expect("valid");
    stay().await;
    transaction.commit().await.expect("committed");
}

#[underscore_route(name = "sqlx_both")]
async fn of_sqlx_transaction(State(pool): State<SqlitePool>) {
    let mut connection = pool.acquire().await.expect("open");
    let transaction = connection.begin().await.expect("it begins");
    stay().await;
    drop(transaction);
}

/// Sends a request that takes the one connection twice.
async fn assert_deadlock(route: &str, app: MethodRouter) {
    let service = Service::start(Router::new().route("/", app)).await;
    let client = tokio::spawn(service.request(Method::GET, "/").send());
    let is_holder = |task: &Value| task["holding"].is_string() && task["state"] == "waiting";
    let task = service.wait_for_task(route, is_holder).await;
    let is_judged = |row: &Value| row["verdict"].to_string().contains("deadlock");
    let row = wait_for_row(&service, &task["where"], is_judged).await;
    let verdict = format!("likely deadlock: {} holds it and waits for it", task["id"]);
    assert_eq!(row["verdict"], verdict, "{row:#}");
    let interrupt = format!("_routes/{route}/interrupt");
    service.post(&interrupt).await.ok_json();
    let answer = client.await.expect("sent").expect("answered");
    assert_eq!(answer.status(), 503);
}

#[underscore_route(name = "managed_twice")]
async fn managed_twice(State(pool): State<Managed>) {
    let first = pool.get().await.expect("open");
    let second = pool.get().await.expect("open");
    drop((first, second));
}

#[underscore_route(name = "unmanaged_twice")]
async fn unmanaged_twice(State(pool): State<Unmanaged>) {
    let first = pool.get().await.expect("open");
    let second = pool.get().await.expect("open");
    drop((first, second));
}

#[underscore_route(name = "bb8_twice")]
async fn bb8_twice(State(pool): State<Bb8>) {
    let first = pool.get().await.expect("open");
    let second = pool.get().await.expect("open");
    drop((first, second));
}

#[underscore_route(name = "mobc_twice")]
async fn mobc_twice(State(pool): State<Mobc>) {
    let first = pool.get().await.expect("open");
    let second = pool.get().await.expect("open");
    drop((first, second));
}

#[underscore_route(name = "sqlx_twice")]
async fn sqlx_twice(State(pool): State<SqlitePool>) {
    let first = pool.acquire().await.expect("open");
    let second = pool.acquire().await.expect("open");
    drop((first, second));
}

#[tokio::test]
async fn a_connection_held_over_an_await() {
    own_process!();
    let app = get(of_managed).with_state(managed());
    assert_held("managed", app, &["pool.get()"], "deadpool pool").await;
    let app = get(of_unmanaged).with_state(unmanaged());
    assert_held("unmanaged", app, &["pool.get()"], "deadpool pool").await;
    let app = get(of_bb8).with_state(bb8().await);
    assert_held("bb8", app, &["pool.get()"], "bb8 pool").await;
    let app = get(of_mobc).with_state(mobc());
    assert_held("mobc", app, &["pool.get()"], "mobc pool").await;
}

#[tokio::test]
async fn a_connection_and_a_transaction_of_sqlx() {
    own_process!();
    let app = get(of_sqlx).with_state(sqlite());
    assert_held("sqlx_acquire", app, &["pool.acquire()"], "sqlx pool").await;
    let app = get(of_sqlx_begin).with_state(sqlite());
    assert_held("sqlx_begin", app, &["pool.begin()"], "sqlx pool").await;
    let app = get(of_sqlx_transaction).with_state(sqlite());
    let held = ["pool.acquire()", "connection.begin()"];
    assert_held("sqlx_both", app, &held, "sqlx pool").await;
}

#[tokio::test]
async fn a_pool_taken_twice_is_a_likely_deadlock() {
    own_process!();
    assert_deadlock("managed_twice", get(managed_twice).with_state(managed())).await;
    assert_deadlock(
        "unmanaged_twice",
        get(unmanaged_twice).with_state(unmanaged()),
    )
    .await;
    assert_deadlock("bb8_twice", get(bb8_twice).with_state(bb8().await)).await;
    assert_deadlock("mobc_twice", get(mobc_twice).with_state(mobc())).await;
    assert_deadlock("sqlx_twice", get(sqlx_twice).with_state(sqlite())).await;
}

/// A pool that blocks is asked on another thread.
#[underscore_frame]
async fn of_r2d2(pool: r2d2::Pool<Nothing>) {
    let taken = spawn_blocking(move || pool.get());
    let connection = taken.await.expect("no panic").expect("open");
    stay().await;
    drop(connection);
}

/// `get` without an await is a method of too many types.
#[underscore_frame]
async fn of_r2d2_at_once(pool: r2d2::Pool<Nothing>) {
    let connection = pool.get().expect("open");
    stay().await;
    drop(connection);
}

#[tokio::test]
async fn a_connection_of_a_pool_that_blocks() {
    own_process!();
    let pool = r2d2::Pool::builder().max_size(2).build(Nothing);
    let pool = pool.expect("nothing can fail");
    assert_eq!(holding(of_r2d2(pool.clone())).await, ["taken"]);
    assert!(holding(of_r2d2_at_once(pool)).await.is_empty());
}

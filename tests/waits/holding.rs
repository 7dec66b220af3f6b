//! `holding`: what a task holds, from the statement that binds it to its drop or move.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard, RwLock, Semaphore};
use underscore_runtime::{AdminBuilder, underscore_frame, underscore_route};

use crate::send_all;
use crate::support::Service;
use crate::support::process::own_process;

type Lock = State<Arc<Mutex<u32>>>;

async fn forever() {
    std::future::pending::<()>().await;
}

#[underscore_route(name = "held")]
async fn held(State(lock): Lock) {
    let guard = lock.lock().await; // It is held.
    forever().await;
    drop(guard);
}

#[underscore_route(name = "two")]
async fn two(State(lock): Lock) {
    let other = RwLock::new(Semaphore::new(2));
    let permits = other.read().await;
    let Ok(permit) = permits.acquire().await else {
        return;
    };
    if let Ok(first) = lock.try_lock() {
        forever().await;
        drop(first);
    }
    drop(permit);
}

#[underscore_route(name = "dropped")]
async fn dropped(State(lock): Lock) {
    let guard = lock.lock().await;
    tokio::task::yield_now().await;
    drop(guard);
    forever().await;
}

#[underscore_frame]
async fn lock_of(lock: &Mutex<u32>) -> MutexGuard<'_, u32> {
    let guard = lock.lock().await;
    tokio::task::yield_now().await;
    guard
}

#[underscore_frame]
async fn through(lock: &Mutex<u32>) -> Result<MutexGuard<'_, u32>, ()> {
    Ok(lock_of(lock).await)
}

#[underscore_route(name = "by_helper")]
async fn by_helper(State(lock): Lock) {
    let Ok(guard) = through(&lock).await else {
        return;
    };
    forever().await;
    drop(guard);
}

async fn keep(guard: OwnedMutexGuard<u32>) {
    forever().await;
    drop(guard);
}

#[underscore_route(name = "passed_on")]
async fn passed_on(State(lock): Lock) {
    let guard = lock.lock_owned().await;
    tokio::task::yield_now().await;
    keep(guard).await;
}

/// A service with a request in flight, and its client.
async fn serve(route: &str) -> (Service, Vec<TcpStream>) {
    let app = Router::new()
        .route("/held", get(held))
        .route("/two", get(two))
        .route("/dropped", get(dropped))
        .route("/by_helper", get(by_helper))
        .route("/passed_on", get(passed_on))
        .with_state(Arc::new(Mutex::new(0)));
    let service = Service::start(app).await;
    let clients = send_all(&service, route, 1).await;
    let awaiting = if route == "/passed_on" {
        "keep(guard)"
    } else {
        "forever()"
    };
    service.wait_for_await(&route[1..], awaiting).await;
    (service, clients)
}

async fn holding(service: &Service, route: &str) -> String {
    let task = service.tasks(route).await.remove(0);
    let path = format!("_cat/tasks/{}?h=holding", task["id"]);
    service.admin(&path).await.text.trim().to_owned()
}

/// Holds 15.1 of docs/admin-api.md.
#[tokio::test]
async fn a_guard_is_held_with_the_expression_and_the_line_that_took_it() {
    own_process!();
    let (service, _client) = serve("/held").await;
    let source = include_str!("holding.rs");
    let line = source
        .lines()
        .position(|line| line.ends_with("// It is held."));
    let line = line.expect("the line is there") + 1;
    let shown = holding(&service, "held").await;
    assert_eq!(shown, format!("lock.lock() {}:{line}", file!()));
    let id = service.tasks("held").await.remove(0)["id"].clone();
    let tasks = service.admin_json(&format!("_tasks/{id}")).await;
    let held = &tasks["tasks"][0]["holding"][0];
    assert_eq!(held["resource"], "lock");
    assert_eq!(held["type"], "tokio Mutex<u32>");
    assert_eq!(held["where"], format!("{}:{line}", file!()));
    let stack = service.admin(&format!("_tasks/{id}/print_stack")).await;
    assert!(
        stack.text.contains(&format!("  holds {shown}\n")),
        "{}",
        stack.text
    );
}

/// Holds 15.1 of docs/admin-api.md.
#[tokio::test]
async fn guards_are_listed_in_the_order_in_which_they_were_taken() {
    own_process!();
    let (service, _client) = serve("/two").await;
    let shown = holding(&service, "two").await;
    let sources: Vec<&str> = shown
        .split(", ")
        .filter_map(|one| one.split(' ').next())
        .collect();
    assert_eq!(
        sources,
        ["other.read()", "permits.acquire()", "lock.try_lock()"]
    );
}

/// Holds 15.1 of docs/admin-api.md.
#[tokio::test]
async fn a_guard_that_was_dropped_is_not_held() {
    own_process!();
    let (service, _client) = serve("/dropped").await;
    assert_eq!(holding(&service, "dropped").await, "-");
    let id = service.tasks("dropped").await.remove(0)["id"].clone();
    let tasks = service.admin_json(&format!("_tasks/{id}")).await;
    let tasks = tasks["tasks"][0].as_object().expect("a task");
    assert!(!tasks.contains_key("holding") || tasks["holding"] == serde_json::json!([]));
}

/// Holds 15.3 of docs/admin-api.md.
#[tokio::test]
async fn a_guard_that_a_frame_returns_is_held_by_its_caller() {
    own_process!();
    let (service, _client) = serve("/by_helper").await;
    let shown = holding(&service, "by_helper").await;
    assert!(shown.starts_with("through(&lock) "), "{shown}");
    let waiting = send_all(&service, "/held", 1).await;
    service.wait_for_await("held", "lock.lock()").await;
    let row = crate::wait_for_row(&service, |row| row["resource"] == "lock").await;
    assert_eq!(
        row["held"], 1,
        "the lock is the one that the helper took: {row}"
    );
    drop(waiting);
}

/// Holds 15.4, 15.15 of docs/admin-api.md.
#[tokio::test]
async fn a_guard_that_is_moved_elsewhere_is_passed_on() {
    own_process!();
    let (service, _client) = serve("/passed_on").await;
    assert_eq!(holding(&service, "passed_on").await, "-");
    let id = service.tasks("passed_on").await.remove(0)["id"].clone();
    let stack = service
        .admin(&format!("_tasks/{id}/print_stack"))
        .await
        .text;
    assert!(stack.contains("  took lock.lock_owned() "), "{stack}");
    assert!(stack.contains(", and passed it on\n"), "{stack}");
    let _waiting = send_all(&service, "/held", 1).await;
    let verdict = format!("nobody known holds it; {id} took it and passed it on, ");
    let row = crate::wait_for_verdict(&service, "lock", &verdict).await;
    assert_eq!(row["passed_on"], id.to_string());
}

/// Holds 15.2 of docs/admin-api.md.
#[tokio::test]
async fn tasks_that_hold_different_guards_are_different_rows_of_stacks() {
    #[underscore_route(name = "maybe")]
    async fn maybe(State(lock): Lock) {
        if let Ok(guard) = lock.try_lock() {
            forever().await;
            drop(guard);
        }
        forever().await;
    }
    own_process!();
    let app = Router::new()
        .route("/maybe", get(maybe))
        .with_state(Arc::new(Mutex::new(0)));
    let service = Service::start(app).await;
    let _clients = send_all(&service, "/maybe", 3).await;
    service.wait_for_waiting("maybe", 3).await;
    let path = "_cat/stacks/maybe?format=json&h=count,holding";
    let rows = service.admin_json(path).await;
    let rows = rows.as_array().expect("rows");
    assert_eq!(rows.len(), 2, "{rows:#?}");
    assert_eq!(rows[0]["count"], 2);
    assert_eq!(rows[0]["holding"], serde_json::Value::Null);
    assert!(
        rows[1]["holding"]
            .as_str()
            .expect("a guard")
            .starts_with("lock.try_lock()")
    );
}

/// Holds 15.19 of docs/admin-api.md.
#[tokio::test]
async fn a_type_of_the_service_is_a_guard_if_the_builder_names_it() {
    struct OwnClient(Vec<u8>);
    async fn client() -> OwnClient {
        tokio::task::yield_now().await;
        OwnClient(vec![1])
    }
    #[underscore_route(name = "own")]
    async fn own() -> String {
        let client = client().await;
        forever().await;
        format!("{:?}", client.0)
    }
    own_process!();
    let builder = AdminBuilder::new().guard_type("OwnClient");
    let service = Service::start_with(Router::new().route("/own", get(own)), &builder).await;
    let _clients = send_all(&service, "/own", 1).await;
    service.wait_for_await("own", "forever()").await;
    let id = service.tasks("own").await.remove(0)["id"].clone();
    let tasks = service.admin_json(&format!("_tasks/{id}")).await;
    assert_eq!(tasks["tasks"][0]["holding"][0]["type"], "pool of OwnClient");
}

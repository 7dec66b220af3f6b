//! The table `_cat/waits`, and the filter `blocking=`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::time::sleep;
use underscore_runtime::underscore_route;

use crate::support::Service;
use crate::support::columns::columns;
use crate::support::process::own_process;
use crate::{ids, rows, send_all, text, wait_for_row};

/// The page whose sentences the tests hold.
const PAGE: &str = include_str!("../../underscore-runtime/docs/admin-api.md");

const LONG: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
struct App {
    stock: Arc<Mutex<Vec<u8>>>,
    shards: Arc<[Mutex<u32>; 2]>,
}

type A = State<App>;

#[underscore_route(name = "hold_stock")]
async fn hold_stock(State(app): A) {
    let stock = app.stock.lock().await;
    sleep(LONG).await;
    drop(stock);
}

#[underscore_route(name = "hold_shards")]
async fn hold_shards(State(app): A) {
    let [first, second] = &*app.shards;
    let one = first.lock().await;
    let two = second.lock().await;
    sleep(LONG).await;
    drop((one, two));
}

/// Two locks with one name.
#[underscore_route(name = "want_shard")]
async fn want_shard(State(app): A, axum::extract::Path(shard): axum::extract::Path<usize>) {
    let shard = &app.shards[shard];
    *shard.lock().await += 1;
}

async fn serve() -> Service {
    let app = Router::new()
        .route("/hold_stock", get(hold_stock))
        .route("/hold_shards", get(hold_shards))
        .route("/want_shard/{shard}", get(want_shard))
        .with_state(App::default());
    Service::start(app).await
}

/// Holds 1.70, 15.5 of docs/admin-api.md.
#[tokio::test]
async fn the_columns_are_those_on_the_page() {
    own_process!();
    let service = serve().await;
    let expected = columns(&service, "_cat/waits").await;
    assert!(
        PAGE.contains(&expected),
        "docs/admin-api.md must have\n{expected}"
    );
}

/// Holds 1.70, 1.71, 15.5, 15.6, 15.7 of docs/admin-api.md.
#[tokio::test]
async fn a_row_has_the_waiters_and_the_holders_of_one_lock() {
    own_process!();
    let service = serve().await;
    assert_eq!(service.admin("_cat/waits").await.text, "");
    let _clients = send_all(&service, "/hold_stock", 3).await;
    let row = wait_for_row(&service, |row| row["waiting"] == 2).await;
    assert_eq!(row["resource"], "stock");
    assert_eq!(row["type"], "tokio Mutex<Vec<u8>>");
    assert_eq!(row["known_by"], "address");
    assert_eq!(row["awaiting"], "app.stock.lock()");
    assert_eq!(row["where"], row["taken"], "one line takes it");
    assert_ne!(row["where"], row["holders_at"]);
    let tasks = ids(&service, "hold_stock").await;
    assert_eq!(row["holders"], tasks[0]);
    assert_eq!(row["waiters"], tasks[1..].join(","));
    let structure = service.admin_json("_waits").await["waits"][0].clone();
    assert_eq!(structure["waiters"].as_array().expect("a list").len(), 2);
    assert_eq!(structure["waiters"][0]["awaiting"], "app.stock.lock()");
    assert_eq!(structure["holders"][0]["awaiting"], "sleep(LONG)");
    assert_eq!(structure["resource_id"], row["resource_id"]);
}

/// Holds 15.17 of docs/admin-api.md.
#[tokio::test]
async fn blocking_selects_the_tasks_that_hold_a_resource() {
    own_process!();
    let service = serve().await;
    let _clients = send_all(&service, "/hold_stock", 3).await;
    wait_for_row(&service, |row| row["waiting"] == 2).await;
    let first = ids(&service, "hold_stock").await.remove(0);
    for selector in ["stock", "st*"] {
        let table = service
            .admin(&format!("_cat/tasks?h=id&blocking={selector}"))
            .await;
        assert_eq!(table.text.trim(), first, "{selector}");
    }
    let tasks = service.admin_json("_tasks?blocking=stock").await;
    assert_eq!(tasks["tasks"].as_array().expect("a list").len(), 1);
    let (_, reason) = service.admin("_cat/tasks?blocking=stoc").await.error();
    assert!(
        reason.contains("[stoc]") && reason.contains("did you mean [stock]?"),
        "{reason}"
    );
    let answer = service.post("_tasks/_cancel?blocking=nothing").await;
    assert_eq!(answer.status, 404);
    let answer = service
        .post("_tasks/_cancel?blocking=stock")
        .await
        .ok_json();
    assert_eq!(answer["tasks"][&first], "interrupted");
    // The next one holds it.
    let row = wait_for_row(&service, |row| row["waiting"] == 1).await;
    assert_ne!(row["holders"], first);
}

/// Holds 15.7, 15.17 of docs/admin-api.md.
#[tokio::test]
async fn two_locks_of_one_name_are_two_rows_and_a_change_must_choose() {
    own_process!();
    let service = serve().await;
    let _holder = send_all(&service, "/hold_shards", 1).await;
    service.wait_for_await("hold_shards", "sleep(LONG)").await;
    let _one = send_all(&service, "/want_shard/0", 1).await;
    let _other = send_all(&service, "/want_shard/1", 1).await;
    service.wait_for_waiting("want_shard", 2).await;
    let rows = rows(&service).await;
    assert_eq!(rows.len(), 2, "{rows:#?}");
    let both: Vec<&str> = rows.iter().map(|row| text(&row["resource_id"])).collect();
    assert_ne!(both[0], both[1]);
    let (_, reason) = service.post("_tasks/_cancel?blocking=shard").await.error();
    assert!(both.iter().all(|id| reason.contains(id)), "{reason}");
    let path = format!("_tasks/_cancel?blocking={}", both[1]);
    assert_eq!(service.post(&path).await.ok_json()["interrupted"], 1);
}

/// Holds 15.18 of docs/admin-api.md.
#[tokio::test]
async fn a_cell_has_eight_tasks_at_most() {
    own_process!();
    let service = serve().await;
    let _clients = send_all(&service, "/hold_stock", 12).await;
    let row = wait_for_row(&service, |row| row["waiting"] == 11).await;
    let waiters = text(&row["waiters"]);
    assert_eq!(waiters.split(',').count(), 9, "{waiters}");
    assert!(waiters.ends_with(",…"), "{waiters}");
}

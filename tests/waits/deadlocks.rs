//! Deadlocks of each shape: the verdict, and that the end of one task ends it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use deadpool::unmanaged::Pool;
use serde_json::json;
use tokio::sync::{Mutex, RwLock, Semaphore};
use tokio::time::{sleep, timeout};
use underscore_runtime::{spawn, underscore_frame, underscore_route};

use crate::support::Service;
use crate::support::process::own_process;
use crate::{SHORT, ids, send_all, text, wait_for_row, wait_for_verdict};

const LONG: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct App {
    stock: Arc<Mutex<u64>>,
    books: Arc<Mutex<u64>>,
    config: Arc<RwLock<u64>>,
    permits: Arc<Semaphore>,
    pool: Pool<u64>,
    forks: Arc<[Mutex<()>; 5]>,
}

impl App {
    fn new() -> Self {
        App {
            stock: Arc::default(),
            books: Arc::default(),
            config: Arc::default(),
            permits: Arc::new(Semaphore::new(3)),
            pool: Pool::from(vec![1, 2]),
            forks: Arc::default(),
        }
    }
}

type A = State<App>;

#[underscore_route(name = "stock_books")]
async fn stock_books(State(app): A) {
    let mut stock = app.stock.lock().await;
    sleep(SHORT).await;
    let books = app.books.lock().await;
    *stock += *books;
}

#[underscore_route(name = "books_stock")]
async fn books_stock(State(app): A) {
    let books = app.books.lock().await;
    sleep(SHORT).await;
    *app.stock.lock().await += *books;
}

#[underscore_route(name = "twice")]
async fn twice(State(app): A) {
    let _first = app.permits.acquire().await.expect("open");
    sleep(SHORT).await;
    let _second = app.permits.acquire().await.expect("open");
    sleep(SHORT).await;
}

#[underscore_route(name = "two_connections")]
async fn two_connections(State(app): A) -> String {
    let one = app.pool.get().await.expect("open");
    sleep(SHORT).await;
    let two = app.pool.get().await.expect("open");
    format!("{}", *one + *two)
}

#[underscore_route(name = "read_write")]
async fn read_write(State(app): A) {
    let seen = app.config.read().await;
    sleep(SHORT).await;
    *app.config.write().await = *seen;
}

#[underscore_route(name = "read_read")]
async fn read_read(State(app): A) -> String {
    let seen = app.config.read().await;
    sleep(10 * SHORT).await;
    let again = app.config.read().await;
    format!("{}", *seen + *again)
}

#[underscore_route(name = "write")]
async fn write(State(app): A) {
    *app.config.write().await += 1;
}

#[underscore_frame]
async fn count(app: &App, by: u64) {
    *app.stock.lock().await += by;
}

#[underscore_route(name = "itself")]
async fn itself(State(app): A) {
    let stock = app.stock.lock().await;
    sleep(SHORT).await;
    count(&app, *stock).await;
}

#[underscore_frame]
async fn hold_and_work(app: &App) {
    let stock = app.stock.lock().await;
    sleep(Duration::from_millis(200 + *stock)).await;
}

#[underscore_route(name = "futurelock")]
async fn futurelock(State(app): A) {
    let mut work = Box::pin(hold_and_work(&app));
    tokio::select! {
        () = &mut work => {}
        () = sleep(SHORT) => {}
    }
    // `work` holds the lock, and is not polled meanwhile.
    count(&app, 1).await;
    work.await;
}

#[underscore_route(name = "parent")]
async fn parent(State(app): A) {
    let stock = app.stock.lock().await;
    let child = app.clone();
    let counted = spawn("child", async move { count(&child, 1).await }).await;
    drop((stock, counted));
}

#[underscore_route(name = "patient")]
async fn patient(State(app): A) {
    let stock = app.stock.lock().await;
    let again = timeout(LONG, app.stock.lock()).await;
    drop((stock, again));
}

#[underscore_route(name = "dine")]
async fn dine(State(app): A, axum::extract::Path(seat): axum::extract::Path<usize>) {
    let next = (seat + 1) % 5;
    let left = app.forks[seat].lock().await;
    sleep(3 * SHORT).await;
    let right = app.forks[next].lock().await;
    drop((left, right));
}

async fn serve() -> Service {
    let app = Router::new()
        .route("/stock_books", get(stock_books))
        .route("/books_stock", get(books_stock))
        .route("/twice", get(twice))
        .route("/two_connections", get(two_connections))
        .route("/read_write", get(read_write))
        .route("/read_read", get(read_read))
        .route("/write", get(write))
        .route("/itself", get(itself))
        .route("/futurelock", get(futurelock))
        .route("/parent", get(parent))
        .route("/patient", get(patient))
        .route("/dine/{seat}", get(dine))
        .with_state(App::new());
    Service::start(app).await
}

/// Ends a task, and expects that the others continue.
async fn end(service: &Service, id: &str) {
    let answer = service.post(&format!("_tasks/{id}/_cancel")).await;
    assert_eq!(answer.ok_json()["still_running"], 0);
}

/// Holds 15.8, 15.16 of docs/admin-api.md.
#[tokio::test]
async fn a_lock_order_inversion_is_a_cycle_of_two() {
    own_process!();
    let service = serve().await;
    let clients = [
        send_all(&service, "/stock_books", 1).await,
        send_all(&service, "/books_stock", 1).await,
    ];
    let row = wait_for_verdict(&service, "stock", "deadlock: ").await;
    let [one, other] = [
        ids(&service, "stock_books").await,
        ids(&service, "books_stock").await,
    ];
    let (one, other) = (&one[0], &other[0]);
    let cycle = format!("deadlock: {one} > books > {other} > stock > {one}");
    let turned = format!("deadlock: {other} > stock > {one} > books > {other}");
    assert!(
        [cycle, turned].contains(&text(&row["verdict"]).to_owned()),
        "{row}"
    );
    assert_eq!(row["known_by"], "address");
    assert_eq!(row["holders"], *one);
    let waits = service.admin_json("_waits").await;
    let waits = waits["waits"].as_array().expect("rows");
    assert_eq!(waits.len(), 2);
    assert_eq!(waits[0]["cycle"].as_array().expect("a cycle").len(), 2);
    assert_eq!(waits[0]["holders"][0]["stuck"], true);
    end(&service, one).await;
    service.wait_for("books_stock", "stats.req.active", 0).await;
    drop(clients);
}

/// Holds 15.9 of docs/admin-api.md.
#[tokio::test]
async fn permits_taken_twice_are_a_likely_deadlock() {
    own_process!();
    let service = serve().await;
    let _clients = send_all(&service, "/twice", 5).await;
    let verdict = "likely deadlock: all 3 known holders wait for it too";
    let row = wait_for_verdict(&service, "permits", verdict).await;
    assert_eq!(row["verdict"], verdict);
    assert_eq!(row["waiting"], 5);
    assert_eq!(row["held"], 3);
    let holders = text(&row["holders"]).to_owned();
    let answer = service.post(&format!("_tasks/{holders}/_cancel")).await;
    assert_eq!(answer.ok_json()["interrupted"], 3);
    service.wait_for("twice", "stats.req.active", 0).await;
}

/// Holds 15.7, 15.9 of docs/admin-api.md.
#[tokio::test]
async fn connections_taken_twice_are_a_likely_deadlock() {
    own_process!();
    let service = serve().await;
    let _clients = send_all(&service, "/two_connections", 2).await;
    let verdict = "likely deadlock: all 2 known holders wait for it too";
    let row = wait_for_verdict(&service, "pool", verdict).await;
    assert_eq!(
        (&row["type"], &row["known_by"]),
        (&json!("deadpool pool"), &json!("name"))
    );
    end(&service, &ids(&service, "two_connections").await[0]).await;
    service
        .wait_for("two_connections", "stats.req.active", 0)
        .await;
}

/// Holds 15.8 of docs/admin-api.md.
#[tokio::test]
async fn readers_that_want_to_write_are_a_deadlock() {
    own_process!();
    let service = serve().await;
    let _clients = send_all(&service, "/read_write", 2).await;
    let verdict = "deadlock: all 2 known holders wait for it too";
    let row = wait_for_verdict(&service, "config", verdict).await;
    assert_eq!(row["type"], "tokio RwLock<u64>");
    let holders = text(&row["holders"]).to_owned();
    end(&service, &holders).await;
    service.wait_for("read_write", "stats.req.active", 0).await;
}

/// Holds 15.8 of docs/admin-api.md.
#[tokio::test]
async fn a_second_read_behind_a_writer_is_a_deadlock() {
    own_process!();
    let service = serve().await;
    let _reader = send_all(&service, "/read_read", 1).await;
    service
        .wait_for_await("read_read", "sleep(10 * SHORT)")
        .await;
    let _writer = send_all(&service, "/write", 1).await;
    let row = wait_for_verdict(&service, "config", "deadlock: ").await;
    assert_eq!(row["held"], 1);
    end(&service, &ids(&service, "read_read").await[0]).await;
    service.wait_for("write", "stats.req.active", 0).await;
}

/// Holds 15.8 of docs/admin-api.md.
#[tokio::test]
async fn a_task_that_waits_for_what_it_holds_is_a_deadlock() {
    own_process!();
    let service = serve().await;
    let _client = send_all(&service, "/itself", 1).await;
    let row = wait_for_verdict(&service, "stock", "deadlock: ").await;
    let id = &ids(&service, "itself").await[0];
    assert_eq!(
        row["verdict"],
        format!("deadlock: {id} holds it and waits for it")
    );
}

/// Holds 15.12 of docs/admin-api.md.
#[tokio::test]
async fn a_lock_in_a_future_that_is_no_longer_polled_is_a_deadlock() {
    own_process!();
    let service = serve().await;
    let _client = send_all(&service, "/futurelock", 1).await;
    let row = wait_for_verdict(&service, "stock", "deadlock: ").await;
    let id = &ids(&service, "futurelock").await[0];
    assert_eq!(
        row["verdict"],
        format!("deadlock: {id} holds it and waits for it")
    );
}

/// Holds 15.13 of docs/admin-api.md.
#[tokio::test]
async fn a_parent_that_waits_for_a_child_is_in_its_deadlock() {
    own_process!();
    let service = serve().await;
    let _client = send_all(&service, "/parent", 1).await;
    let row = wait_for_verdict(&service, "stock", "likely deadlock: ").await;
    let parent = &ids(&service, "parent").await[0];
    assert_eq!(row["holders"], *parent);
    assert!(
        text(&row["verdict"]).contains(&format!("{parent} > ")),
        "{row}"
    );
}

/// Holds 15.10 of docs/admin-api.md.
#[tokio::test]
async fn a_wait_with_a_timeout_is_a_deadlock_until_then() {
    own_process!();
    let service = serve().await;
    let _client = send_all(&service, "/patient", 1).await;
    let row = wait_for_verdict(&service, "stock", "deadlock until a timeout: ").await;
    assert_eq!(row["where"], row["where"]);
    service.set("itself", "timeout", "60s").await;
    end(&service, &ids(&service, "patient").await[0]).await;
    let _client = send_all(&service, "/itself", 1).await;
    wait_for_verdict(&service, "stock", "deadlock until a timeout: ").await;
}

/// Holds 15.8, 15.11 of docs/admin-api.md.
#[tokio::test]
async fn five_philosophers_are_a_cycle_of_five() {
    own_process!();
    let service = serve().await;
    let mut clients = Vec::new();
    for seat in 0..5 {
        clients.extend(send_all(&service, &format!("/dine/{seat}"), 1).await);
    }
    let row = wait_for_row(&service, |row| {
        text(&row["verdict"]).starts_with("deadlock: ")
    })
    .await;
    let verdict = text(&row["verdict"]);
    assert_eq!(verdict.matches(" > forks[next] > ").count(), 5, "{verdict}");
    let rows = crate::rows(&service).await;
    assert_eq!(rows.len(), 5, "a fork each: {rows:#?}");
    assert!(
        rows.iter().all(|row| row["verdict"] == verdict),
        "{rows:#?}"
    );
    // Another guest waits behind them.
    let _guest = send_all(&service, "/dine/0", 1).await;
    service.wait_for_waiting("dine", 6).await;
    let diners = ids(&service, "dine").await;
    end(&service, &diners[0]).await;
    service.wait_for("dine", "stats.req.active", 0).await;
}

/// Holds 15.11 of docs/admin-api.md.
#[tokio::test]
async fn a_resource_whose_holder_waits_behind_a_deadlock_says_so() {
    #[underscore_route(name = "permit_stock")]
    async fn permit_stock(State(app): A) {
        let mut config = app.config.write().await;
        *config += *app.stock.lock().await;
    }
    own_process!();
    let app = Router::new()
        .route("/itself", get(itself))
        .route("/permit_stock", get(permit_stock))
        .route("/write", get(write))
        .with_state(App::new());
    let service = Service::start(app).await;
    let _one = send_all(&service, "/itself", 1).await;
    wait_for_verdict(&service, "stock", "deadlock: ").await;
    let _two = send_all(&service, "/permit_stock", 1).await;
    service
        .wait_for_await("permit_stock", "app.stock.lock()")
        .await;
    let _three = send_all(&service, "/write", 1).await;
    let row = wait_for_verdict(&service, "config", "behind a deadlock: ").await;
    let id = &ids(&service, "itself").await[0];
    assert_eq!(
        row["verdict"],
        format!("behind a deadlock: {id} > stock > {id}")
    );
}

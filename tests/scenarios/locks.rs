//! Requests that wait for locks of each other.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use tokio::sync::{Barrier, Mutex, OwnedMutexGuard, RwLock, Semaphore};
use underscore_runtime::{underscore_frame, underscore_route};

use crate::support::{Service, process::own_process};
use crate::tables::{TASKS, WAITS, cure, health, is_green, rows, shows};
use crate::{send, statuses};

/// A shop with two locks, which two routes take in two orders.
#[derive(Clone)]
struct Shop {
    stock: Arc<Mutex<u32>>,
    orders: Arc<Mutex<Vec<u32>>>,
    /// Two requests have one lock each.
    both: Arc<Barrier>,
}

#[underscore_route(get, "/sell", name = "sell")]
async fn sell(State(shop): State<Shop>) {
    let mut stock = shop.stock.lock().await; // sell-1
    shop.both.wait().await;
    let mut orders = shop.orders.lock().await; // sell-2
    *stock -= 1;
    orders.push(1);
}

#[underscore_route(get, "/cancel", name = "cancel")]
async fn cancel(State(shop): State<Shop>) {
    let mut orders = shop.orders.lock().await; // cancel-1
    shop.both.wait().await;
    let mut stock = shop.stock.lock().await; // cancel-2
    *stock += 1;
    orders.pop();
}

#[tokio::test]
async fn two_routes_take_two_locks_in_two_orders() {
    own_process!();
    let shop = Shop {
        stock: Arc::new(Mutex::new(7)),
        orders: Arc::default(),
        both: Arc::new(Barrier::new(2)),
    };
    let app = Router::new()
        .route("/sell", get(sell))
        .route("/cancel", get(cancel));
    let service = Service::start(app.with_state(shop)).await;
    let sells = send(&service, "/sell");
    service.wait_for_await("sell", "shop.both.wait()").await;
    let cancels = send(&service, "/cancel");
    service.wait_for_await("cancel", "shop.stock.lock()").await;
    shows(
        &service,
        TASKS,
        "id path    where             awaiting           holding
          1 /sell   locks.rs:sell-2   shop.orders.lock() shop.stock.lock() locks.rs:sell-1
          2 /cancel locks.rs:cancel-2 shop.stock.lock()  shop.orders.lock() locks.rs:cancel-1",
    )
    .await;
    shows(
        &service,
        WAITS,
        "resource type                  waiting held holders taken             verdict
         stock    tokio Mutex<u32>            1    1 1       locks.rs:sell-1   deadlock: 1 > orders > 2 > stock > 1
         orders   tokio Mutex<Vec<u32>>       1    1 2       locks.rs:cancel-1 deadlock: 1 > orders > 2 > stock > 1",
    )
    .await;
    health(
        &service,
        "red deadlock /cancel, /sell TIME each holds what the next waits for: \
         1 > orders > 2 > stock > 1 POST /_tasks/2/_cancel",
    )
    .await;
    cure(&service).await;
    is_green(&service).await;
    assert_eq!(statuses([sells, cancels]).await, [200, 503]);
}

type Config = State<Arc<RwLock<String>>>;

#[underscore_route(get, "/reload", name = "reload")]
async fn reload(State(config): Config) {
    let old = config.read().await; // read
    let mut new = config.write().await; // write
    new.clone_from(&old);
}

#[tokio::test]
async fn a_lock_is_read_and_then_written() {
    own_process!();
    let app = Router::new().route("/reload", get(reload));
    let service = Service::start(app.with_state(Arc::default())).await;
    let client = send(&service, "/reload");
    service.wait_for_await("reload", "config.write()").await;
    shows(
        &service,
        WAITS,
        "resource type                 waiting held holders taken         verdict
         config   tokio RwLock<String>       1    1 1       locks.rs:read deadlock: 1 holds it and waits for it",
    )
    .await;
    health(
        &service,
        "red deadlock /reload TIME 1 holds config.write() and waits for it \
         POST /_tasks/1/_cancel",
    )
    .await;
    cure(&service).await;
    is_green(&service).await;
    assert_eq!(statuses([client]).await, [503]);
}

/// A report that holds the lock of the books over a call that hangs.
#[derive(Clone)]
struct Books {
    books: Arc<Mutex<u32>>,
    /// A dependency that never answers.
    mail: Arc<Semaphore>,
}

#[underscore_frame]
async fn send_mail(books: &Books) {
    let sent = books.mail.acquire().await; // mail
    sent.expect("open").forget();
}

#[underscore_route(get, "/report", name = "report")]
async fn report(State(books): State<Books>) -> String {
    let sum = books.books.lock().await; // report
    send_mail(&books).await; // sends
    sum.to_string()
}

#[underscore_route(get, "/book", name = "book")]
async fn book(State(books): State<Books>) {
    *books.books.lock().await += 1; // book
}

#[tokio::test]
async fn a_lock_is_held_across_a_slow_await() {
    own_process!();
    let books = Books {
        books: Arc::default(),
        mail: Arc::new(Semaphore::new(0)),
    };
    let app = Router::new()
        .route("/report", get(report))
        .route("/book", get(book));
    let service = Service::start(app.with_state(books)).await;
    for _ in 0..20 {
        assert_eq!(service.get("/book").await.status, 200);
    }
    let reports = send(&service, "/report");
    service
        .wait_for_await("report", "books.mail.acquire()")
        .await;
    let waiting = [(); 3].map(|()| send(&service, "/book"));
    service.wait_for_waiting("book", 3).await;
    shows(
        &service,
        WAITS,
        "resource type             waiting held holders taken           verdict
         mail     tokio Semaphore        1    0 -       -               nobody known holds it
         books    tokio Mutex<u32>       3    1 21      locks.rs:report 21 holds it and is at locks.rs:sends send_mail(&books)",
    )
    .await;
    shows(
        &service,
        TASKS,
        "id path    where         awaiting             holding
         21 /report locks.rs:mail books.mail.acquire() books.books.lock() locks.rs:report
         22 /book   locks.rs:book books.books.lock()   -
         23 /book   locks.rs:book books.books.lock()   -
         24 /book   locks.rs:book books.books.lock()   -",
    )
    .await;
    health(&service, "yellow stuck /book TIME 3 wait at locks.rs:book books.books.lock(), none has passed since; \
         probably what they wait for does not answer GET /_cat/stacks/book?v").await;
    // The one that holds what they wait for.
    let books = rows(
        &service,
        "_cat/waits?format=json&h=resource_id&s=waiting:desc",
    )
    .await;
    let books = books[0]["resource_id"].as_str().expect("an id");
    let cancel = format!("_tasks/_cancel?blocking={books}");
    service.post(&cancel).await.ok_json();
    assert_eq!(statuses([reports]).await, [503]);
    assert_eq!(statuses(waiting).await, [200; 3]);
    is_green(&service).await;
}

type Cache = State<Arc<Mutex<u32>>>;

#[underscore_frame]
async fn refresh(cache: &Mutex<u32>) {
    let mut cache = cache.lock().await; // refresh
    tokio::task::yield_now().await;
    *cache += 1;
}

/// The deadline passes, and the refresh is kept for later with its lock.
#[underscore_route(get, "/cached", name = "cached")]
async fn cached(State(cache): Cache) -> String {
    let mut refresh = Box::pin(refresh(&cache));
    tokio::select! {
        biased;
        () = &mut refresh => {}
        () = std::future::ready(()) => {}
    }
    let value = *cache.lock().await; // cached
    refresh.await;
    value.to_string()
}

#[tokio::test]
async fn a_future_that_select_no_longer_polls_keeps_a_guard() {
    own_process!();
    let app = Router::new().route("/cached", get(cached));
    let service = Service::start(app.with_state(Arc::default())).await;
    let client = send(&service, "/cached");
    service.wait_for_await("cached", "cache.lock()").await;
    shows(
        &service,
        WAITS,
        "resource type             waiting held holders taken            verdict
         cache    tokio Mutex<u32>       1    1 1       locks.rs:refresh deadlock: 1 holds it and waits for it",
    )
    .await;
    health(
        &service,
        "red deadlock /cached TIME 1 holds cache.lock() and waits for it \
         POST /_tasks/1/_cancel",
    )
    .await;
    cure(&service).await;
    is_green(&service).await;
    assert_eq!(statuses([client]).await, [503]);
}

#[derive(Clone)]
struct Table {
    forks: Arc<[Mutex<()>]>,
    all: Arc<Barrier>,
}

#[underscore_route(get, "/dine/{seat}", name = "dine")]
async fn dine(State(table): State<Table>, Path(seat): Path<usize>) {
    let (left, right) = (&table.forks[seat], &table.forks[(seat + 1) % 5]);
    let _left = left.lock().await; // left
    table.all.wait().await;
    let _right = right.lock().await; // right
}

/// Each waits for the fork that its neighbour has.
const CYCLE: &str = "1 > right > 2 > right > 3 > right > 4 > right > 5 > right > 1";

#[tokio::test]
async fn five_philosophers_dine() {
    own_process!();
    let table = Table {
        forks: (0..5).map(|_| Mutex::default()).collect(),
        all: Arc::new(Barrier::new(5)),
    };
    let app = Router::new().route("/dine/{seat}", get(dine));
    let service = Service::start(app.with_state(table)).await;
    let mut diners = Vec::new();
    for seat in 0..5 {
        diners.push(send(&service, &format!("/dine/{seat}")));
        service.wait_for_waiting("dine", seat + 1).await;
    }
    let row = |holder: u32| {
        format!("\nright tokio Mutex<()> 1 1 {holder} locks.rs:left deadlock: {CYCLE}")
    };
    let rows: String = (1..=5).map(row).collect();
    let headings = "resource type waiting held holders taken verdict";
    shows(&service, WAITS, &format!("{headings}{rows}")).await;
    let evidence = format!("each holds what the next waits for: {CYCLE}");
    let next = "POST /_tasks/5/_cancel";
    let finding = format!("red deadlock /dine/{{seat}} TIME {evidence} {next}");
    health(&service, &finding).await;
    cure(&service).await;
    is_green(&service).await;
    assert_eq!(statuses(diners).await, [200, 200, 200, 200, 503]);
}

#[underscore_frame]
async fn write_log(log: OwnedMutexGuard<Vec<u32>>, disk: Arc<Semaphore>) {
    let written = disk.acquire().await; // disk
    written.expect("open").forget();
    drop(log);
}

#[derive(Clone)]
struct Logs {
    log: Arc<Mutex<Vec<u32>>>,
    disk: Arc<Semaphore>,
}

/// Answers at once, and gives the guard to a task of its own.
#[underscore_route(get, "/rotate", name = "rotate")]
async fn rotate(State(logs): State<Logs>) {
    let log = logs.log.lock_owned().await; // rotate
    tokio::spawn(write_log(log, logs.disk));
    std::future::pending::<()>().await;
}

#[underscore_route(get, "/log", name = "log")]
async fn append(State(logs): State<Logs>) {
    logs.log.lock().await.push(1); // append
}

#[tokio::test]
async fn a_guard_is_given_to_a_task() {
    own_process!();
    let logs = Logs {
        log: Arc::default(),
        disk: Arc::new(Semaphore::new(0)),
    };
    let disk = logs.disk.clone();
    let app = Router::new()
        .route("/rotate", get(rotate))
        .route("/log", get(append));
    let service = Service::start(app.with_state(logs)).await;
    let rotates = send(&service, "/rotate");
    service.wait_for_waiting("rotate", 1).await;
    let appends = send(&service, "/log");
    service.wait_for_await("log", "logs.log.lock()").await;
    shows(
        &service,
        WAITS,
        "resource type                  waiting held holders taken verdict
         log      tokio Mutex<Vec<u32>>       1    0 -       -     nobody known holds it; 1 took it and passed it on, locks.rs:rotate",
    )
    .await;
    is_green(&service).await;
    disk.add_permits(1);
    assert_eq!(statuses([appends]).await, [200]);
    rotates.abort();
    is_green(&service).await;
}

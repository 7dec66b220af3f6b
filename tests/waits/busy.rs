//! Waits that end: who holds the resource, and where the holder is. None of them is a deadlock.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::time::sleep;
use underscore_runtime::{underscore_frame, underscore_route};

use crate::support::Service;
use crate::support::gate::Gate;
use crate::support::process::own_process;
use crate::{ids, send_all, text, wait_for_row, wait_for_verdict};

type Lock = State<Arc<Mutex<u32>>>;

const LONG: Duration = Duration::from_secs(60);

#[underscore_route(name = "slow")]
async fn slow(State(lock): Lock) {
    let mut count = lock.lock().await;
    sleep(LONG).await;
    *count += 1;
}

#[underscore_route(name = "wants")]
async fn wants(State(lock): Lock) {
    *lock.lock().await += 1;
}

#[underscore_frame]
async fn work(lock: &Mutex<u32>) {
    let mut count = lock.lock().await;
    sleep(LONG).await;
    *count += 1;
}

#[underscore_frame]
async fn want(lock: &Mutex<u32>) {
    *lock.lock().await += 1;
}

/// The branch that holds the lock continues.
#[underscore_route(name = "joined")]
async fn joined(State(lock): Lock) {
    tokio::join!(work(&lock), want(&lock));
}

/// The other branch may end the wait.
#[underscore_route(name = "raced")]
async fn raced(State(lock): Lock) {
    let count = lock.lock().await;
    tokio::select! {
        () = want(&lock) => {}
        () = sleep(LONG) => {}
    }
    drop(count);
}

/// In a macro of its own, of which nothing is known.
#[underscore_route(name = "opaque")]
async fn opaque(State(lock): Lock) {
    macro_rules! first {
        ($one:expr; $other:expr) => {
            tokio::select! {
                () = $one => {}
                () = $other => {}
            }
        };
    }
    let count = lock.lock().await;
    first!(want(&lock); async { sleep(LONG).await });
    drop(count);
}

async fn serve() -> Service {
    let app = Router::new()
        .route("/slow", get(slow))
        .route("/wants", get(wants))
        .route("/joined", get(joined))
        .route("/raced", get(raced))
        .route("/opaque", get(opaque))
        .with_state(Arc::new(Mutex::new(0)));
    Service::start(app).await
}

/// Holds 15.14 of docs/admin-api.md.
#[tokio::test]
async fn a_holder_that_continues_is_shown_with_its_place() {
    own_process!();
    let service = serve().await;
    let _holder = send_all(&service, "/slow", 1).await;
    service.wait_for_await("slow", "sleep(LONG)").await;
    let _waiters = send_all(&service, "/wants", 3).await;
    service.wait_for_waiting("wants", 3).await;
    let id = &ids(&service, "slow").await[0];
    let row = wait_for_row(&service, |row| row["waiting"] == 3).await;
    let verdict = text(&row["verdict"]);
    assert!(
        verdict.starts_with(&format!("{id} holds it and is at {}:", file!())),
        "{verdict}"
    );
    assert!(verdict.ends_with(" sleep(LONG)"), "{verdict}");
    assert_eq!(row["holders"], *id);
}

/// Holds 15.14 of docs/admin-api.md.
#[tokio::test]
async fn several_holders_are_counted() {
    #[underscore_route(name = "permit")]
    async fn permit(State(permits): State<Arc<Semaphore>>) {
        let permit = permits.acquire().await.expect("open");
        sleep(LONG).await;
        drop(permit);
    }
    own_process!();
    let permits = Arc::new(Semaphore::new(3));
    let app = Router::new()
        .route("/permit", get(permit))
        .with_state(permits);
    let service = Service::start(app).await;
    let _clients = send_all(&service, "/permit", 4).await;
    let row = wait_for_row(&service, |row| row["held"] == 3).await;
    assert!(
        text(&row["verdict"]).ends_with(" sleep(LONG), and 2 more"),
        "{row}"
    );
}

/// Holds 15.14 of docs/admin-api.md.
#[test]
fn a_holder_that_blocks_a_thread_is_named() {
    static BLOCK: Notify = Notify::const_new();
    static GATE: Gate = Gate::new();

    #[underscore_route(name = "blocks")]
    async fn blocks(State(lock): Lock) {
        let count = lock.lock().await;
        BLOCK.notified().await;
        GATE.wait();
        tokio::task::yield_now().await;
        drop(count);
    }
    own_process!();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let app = Router::new()
            .route("/blocks", get(blocks))
            .route("/wants", get(wants))
            .with_state(Arc::new(Mutex::new(0)));
        let service = Service::start_on_workers(2, app).await;
        let _holder = send_all(&service, "/blocks", 1).await;
        service.wait_for_await("blocks", "BLOCK.notified()").await;
        let _waiter = send_all(&service, "/wants", 1).await;
        service.wait_for_await("wants", "lock.lock()").await;
        BLOCK.notify_one();
        let verdict = "its holder blocks a thread: ";
        let row = wait_for_row(&service, |row| text(&row["verdict"]).starts_with(verdict)).await;
        let holder = ids(&service, "blocks").await.remove(0);
        assert_eq!(row["verdict"], format!("{verdict}{holder}"));
        GATE.open();
    });
}

/// Holds 15.15 of docs/admin-api.md.
#[tokio::test]
async fn a_resource_without_a_known_holder_says_so() {
    own_process!();
    let lock = Arc::new(Mutex::new(0));
    let app = Router::new()
        .route("/wants", get(wants))
        .with_state(Arc::clone(&lock));
    let service = Service::start(app).await;
    // Outside of any annotated function.
    let held = lock.lock().await;
    let _waiter = send_all(&service, "/wants", 1).await;
    let row = wait_for_verdict(&service, "lock", "nobody known holds it").await;
    assert_eq!(row["verdict"], "nobody known holds it");
    assert_eq!(row["held"], 0);
    drop(held);
}

/// Holds 15.12 of docs/admin-api.md.
#[tokio::test]
async fn a_task_with_a_branch_that_may_continue_is_not_in_a_deadlock() {
    own_process!();
    for (route, place) in [
        ("joined", "sleep(LONG)"),
        ("raced", "sleep(LONG)"),
        ("opaque", "first!"),
    ] {
        let service = serve().await;
        let _client = send_all(&service, &format!("/{route}"), 1).await;
        let row = wait_for_row(&service, |row| row["resource"] == "lock").await;
        // Longer than the time after which a wait is judged.
        sleep(Duration::from_millis(1_200)).await;
        let rows = crate::rows(&service).await;
        let verdict = text(&rows[0]["verdict"]);
        assert!(
            !verdict.contains("deadlock"),
            "{route} at {place}: {row} {verdict}"
        );
    }
}

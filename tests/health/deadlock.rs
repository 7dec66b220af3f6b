//! Requests that wait for each other.

use std::time::Duration;

use axum::Router;
use reqwest::Method;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::sleep;
use underscore_runtime::{RouterExt as _, underscore_route};

use crate::support::Service;
use crate::support::process::own_process;
use crate::{health, stays_green, text, wait_for, wait_for_green};

static PERMITS: Semaphore = Semaphore::const_new(3);

#[underscore_route(get, "/twice", name = "twice")]
async fn twice() {
    let first = PERMITS.acquire().await.expect("never closed");
    sleep(Duration::from_millis(50)).await;
    let second = PERMITS.acquire().await.expect("never closed");
    sleep(Duration::from_millis(1)).await;
    drop((first, second));
}

/// Holds 14.4, 14.7, 14.22 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_red_and_the_next_request_ends_it() {
    own_process!();
    let service = Service::start(Router::new().mount(twice)).await;
    let request = || tokio::spawn(service.request(Method::GET, "/twice").send());
    let sent: Vec<_> = (0..5).map(|_| request()).collect();
    let deadlock = wait_for(&service, |row| row["status"] == "red").await;
    assert_eq!(deadlock["symptom"], "deadlock");
    assert_eq!(deadlock["subject"], "/twice");
    let evidence = text(&deadlock, "evidence");
    assert!(
        evidence.starts_with("probably all 3 known holders of PERMITS.acquire() wait for it"),
        "{evidence}"
    );
    assert_eq!(deadlock["next"], "POST /_routes/twice/interrupt");
    let rows = health(&service).await;
    assert_eq!(rows.len(), 1, "it is not stuck as well: {rows:#?}");

    let (_, path) = text(&deadlock, "next").split_once(" /").expect("a request");
    let curl = text(&deadlock, "curl");
    let end = format!(" 'http://./{path}'");
    assert!(
        curl.starts_with("curl -X POST --unix-socket /") && curl.ends_with(&end),
        "{curl}"
    );
    assert_eq!(service.post(path).await.status, 200);
    for sent in sent {
        let answer = sent.await.expect("no panic").expect("an answer");
        assert_eq!(answer.status(), 503);
    }
    wait_for_green(&service).await;
}

static POOL: Semaphore = Semaphore::const_new(2);
static STOCK: Mutex<u64> = Mutex::const_new(0);

#[underscore_route(get, "/busy", name = "busy")]
async fn busy() {
    let connection = POOL.acquire().await.expect("never closed");
    let mut stock = STOCK.lock().await;
    *stock += 1;
    sleep(Duration::from_millis(60)).await;
    drop(stock);
    sleep(Duration::from_millis(20)).await;
    drop(connection);
}

/// Holds 14.22 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_queue_for_a_pool_and_a_lock_is_green() {
    own_process!();
    let service = Service::start(Router::new().mount(busy)).await;
    let request = || tokio::spawn(service.request(Method::GET, "/busy").send());
    let sent: Vec<_> = (0..120).map(|_| request()).collect();
    stays_green(&service, Duration::from_secs(6)).await;
    for sent in sent {
        sent.await.expect("no panic").expect("an answer");
    }
}

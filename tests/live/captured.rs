//! A capture is listed by the page, and downloaded from it.

use std::sync::Arc;

use axum::Router;
use serde_json::json;
use tokio::sync::Semaphore;
use underscore_runtime::{AdminBuilder, RouterExt as _, underscore_route};

use crate::bridge::Bridge;
use crate::browser::{Browser, Options};
use crate::support::Service;
use crate::support::process::own_process;

#[underscore_route(get, "/twice", name = "captured.twice")]
async fn twice(permits: axum::extract::State<Arc<Semaphore>>) {
    let Ok(_first) = permits.acquire().await else {
        return;
    };
    let Ok(_second) = permits.acquire().await else {
        return;
    };
}

#[tokio::test]
async fn a_capture_is_downloaded_from_the_page() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let admin = AdminBuilder::new().capture_to(directory.path());
    let app = Router::new()
        .mount(twice)
        .with_state(Arc::new(Semaphore::new(1)));
    let service = Service::start_with(app, &admin).await;
    service.send_and_wait("/twice");
    let bridge = Bridge::start(&service.directory.path().join("app.sock")).await;
    browser
        .open(&bridge.url("/_live#/captures?h=name,complete"))
        .await;
    browser
        .until("a complete capture", async || {
            let row = browser.row("captures", 1).await;
            row.ends_with(" true").then_some(())
        })
        .await;
    let script = "return fetch(document.querySelector('tbody a').href)
        .then(answer => answer.arrayBuffer())
        .then(bytes => [...new Uint8Array(bytes).slice(0, 2)]);";
    // The magic number of gzip.
    assert_eq!(
        browser.execute(script, json!([])).await,
        json!([0x1f, 0x8b])
    );
    browser.find("link", "Events").await.click().await;
    browser.wait_for_text("capture deadlock ").await;
    browser.assert_no_errors().await;
}

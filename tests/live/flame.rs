//! A flame graph as a document of its own.

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use serde_json::{Value, json};
use underscore_runtime::underscore_route;

use crate::bridge::Bridge;
use crate::browser::{Browser, Options};
use crate::support::Service;

async fn labelled(_: &str) {
    std::future::pending::<()>().await;
}

#[underscore_route(name = "live.flames")]
async fn flames(RawQuery(query): RawQuery) {
    if query.is_none() {
        labelled("]]></text><script>window.ran = true</script><img src=x onerror='ran = true'>")
            .await;
    }
    std::future::pending::<()>().await;
}

/// Holds 11.7 of docs/admin-api.md.
#[tokio::test]
async fn a_flame_graph_zooms_and_fetches_nothing() {
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let service = Service::start(Router::new().route("/", get(flames))).await;
    for path in ["/", "/?other"] {
        service.send_and_wait(path);
    }
    service.wait_for_waiting("live.flames", 2).await;
    let bridge = Bridge::start(&service.directory.path().join("app.sock")).await;
    browser
        .open(&bridge.url("/_profile?format=svg&seconds=1&routes=live.flames"))
        .await;
    browser.assert_no_errors().await;

    let frames = browser.select(".frame").await;
    // There are two awaits, each about half of the whole. A click on one makes it the whole.
    let narrow = "return [...document.querySelectorAll('.frame')].findIndex(frame => \
        parseFloat(frame.getAttribute('width')) < 90);";
    let narrow = browser.execute(narrow, json!([])).await;
    let narrow = usize::try_from(narrow.as_u64().expect("there is one")).expect("an index");
    frames[narrow].click().await;
    assert_eq!(frames[narrow].attribute("width").await, "100%");

    let scripts = "return [document.querySelectorAll('script').length, document.querySelectorAll('img').length, window.ran ?? null, \
        document.documentElement.textContent.includes('window.ran = true')];";
    let found = browser.execute(scripts, json!([])).await;
    assert_eq!(found, json!([1, 0, null, true]));

    let fetch = "return fetch(arguments[0]).then(answer => answer.text(), error => null);";
    let url = bridge.url("/_cat/tasks");
    assert_eq!(browser.execute(fetch, json!([url])).await, Value::Null);
    let log = browser.log().await;
    let is_violation = |message: &str| message.contains("Content Security Policy");
    assert!(
        log.iter().any(|entry| is_violation(&entry.message)),
        "{log:#?}"
    );
}

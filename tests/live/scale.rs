//! Ten thousand routes and a hundred thousand tasks.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use serde_json::{Value, json};
use tower::ServiceExt;
use underscore_runtime::underscore_route;

use crate::bridge::Bridge;
use crate::browser::{Browser, Options};
use crate::log;
use crate::support::Service;
use crate::support::process::own_process;

const ROUTES: usize = 10_000;
const TASKS: usize = 100_000;

/// The most elements of a view: 50 rows, and what is around them.
const MOST_ELEMENTS: u64 = 1_500;

/// The most bytes of its scripts' heap, for all that it keeps.
const MOST_HEAP: u64 = 16 << 20;

#[underscore_route]
async fn quick() {}

#[underscore_route(name = "live.scale.stays")]
async fn stays() {
    std::future::pending::<()>().await;
}

fn path(number: usize) -> String {
    format!("/r/{number:05}")
}

fn request(path: &str) -> Request {
    Request::get(path).body(Body::empty()).expect("a request")
}

/// Holds 17.9 of docs/admin-api.md.
#[tokio::test]
async fn many_routes_and_tasks_do_not_weigh_on_the_browser() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    log::install();
    let mut app = Router::new().route("/stays", get(stays));
    for number in 0..ROUTES {
        app = app.route(&path(number), get(quick));
    }
    let service = Service::start_on_workers(1, app.clone()).await;
    for number in 0..ROUTES {
        let answer = app.clone().oneshot(request(&path(number))).await;
        assert_eq!(answer.expect("it is infallible").status(), 200);
    }
    // One more, which is first if sorted by value.
    let answer = app.clone().oneshot(request(&path(ROUTES / 2))).await;
    assert_eq!(answer.expect("it is infallible").status(), 200);
    for _ in 0..TASKS {
        service.spawn_on_workers(app.clone().oneshot(request("/stays")));
    }
    service
        .wait_for("live.scale.stays", "stats.req.active", TASKS)
        .await;
    let bridge = Bridge::start(&service.directory.path().join("app.sock")).await;

    browser
        .open(&bridge.url("/_live#/routes?h=path,stats.req.total"))
        .await;
    browser.wait_for_text("1–50 of 10,0").await;
    browser.find("button", "total").await.click().await;
    browser
        .until("the busiest routes", async || {
            let first = texts(&browser).await;
            let expected = ["/stays".to_owned(), path(ROUTES / 2)];
            first.starts_with(&expected).then_some(())
        })
        .await;
    browser.find("link", "Tasks").await.click().await;
    browser.wait_for_text("1–50 of 100,000").await;
    assert_eq!(browser.select("tbody tr").await.len(), 50);
    for view in ["Stacks", "Waits", "Awaits", "Workers", "Routes"] {
        browser.find("link", view).await.click().await;
        browser.find("heading", view).await;
        browser
            .until("an answer", async || {
                let count = browser.select(".count").await;
                (!count.first()?.text().await.is_empty()).then_some(())
            })
            .await;
        assert_few_elements(&browser, view).await;
    }
    let levels = json!({"transient": {"log": "info"}});
    service.put("_routes/_all/settings", levels).await.ok_json();
    browser.find("link", "Log").await.click().await;
    browser.wait_for_text("more routes not shown").await;
    assert_few_elements(&browser, "Log").await;
    let footprint = browser.footprint().await;
    assert!(footprint.heap < MOST_HEAP, "{footprint:?}");
    browser.assert_no_errors().await;
}

async fn assert_few_elements(browser: &Browser, view: &str) {
    let script = "return document.querySelectorAll('*').length;";
    let elements = browser.execute(script, json!([])).await;
    assert!(
        elements.as_u64() < Some(MOST_ELEMENTS),
        "{view}: {elements}"
    );
}

/// The texts of the first column.
async fn texts(browser: &Browser) -> Vec<String> {
    let script =
        "return [...document.querySelectorAll('tbody tr')].map(row => row.cells[0].innerText);";
    let texts: Value = browser.execute(script, json!([])).await;
    serde_json::from_value(texts).expect("a list of texts")
}

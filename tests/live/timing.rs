//! What goes on while a person looks: rows that leave, changes that follow each other, answers that
//! do not come.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use tokio::sync::Notify;
use underscore_runtime::{RouterExt as _, spawn, underscore_route};

use crate::bridge::Bridge;
use crate::browser::{Browser, Options};
use crate::support::Service;
use crate::support::process::own_process;
use crate::webdriver::Key;

#[underscore_route(get, "/quick", name = "timing.quick")]
async fn quick() {}

async fn service_and_bridge() -> (Service, Bridge) {
    let service = Service::start(Router::new().mount(quick)).await;
    let bridge = Bridge::start(&service.directory.path().join("app.sock")).await;
    (service, bridge)
}

/// Makes the page believe that the API answers a path with what `window.answers` has for it.
async fn answer(browser: &Browser, path: &str, answer: Value) {
    let script = "
        if (!window.answers) {
            const real = window.fetch;
            window.answers = {};
            window.fetch = (url, options) => {
                const answer = window.answers[new URL(url).pathname];
                return answer ? Promise.resolve(Response.json(answer)) : real(url, options);
            };
        }
        window.answers[arguments[0]] = arguments[1];";
    browser.execute(script, json!([path, answer])).await;
}

async fn wait_until(browser: &Browser, what: &str, expression: &str) {
    let script = format!("return Boolean({expression});");
    browser
        .until(what, async || {
            let holds = browser.execute(&script, json!([])).await;
            (holds == true).then_some(())
        })
        .await;
}

/// Holds 17.13 of docs/admin-api.md.
#[tokio::test]
async fn a_row_that_leaves_takes_no_focus_from_the_others() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let (_service, bridge) = service_and_bridge().await;
    let first_ends = Arc::new(Notify::new());
    let ends = Arc::clone(&first_ends);
    spawn("first", async move { ends.notified().await });
    spawn("second", std::future::pending::<()>());
    browser.open(&bridge.url("/_live#/tasks?h=id,name")).await;
    browser.wait_for_text("1–2 of 2").await;
    let focus = "document.querySelectorAll('td button')[1].focus();";
    browser.execute(focus, json!([])).await;
    first_ends.notify_one();
    browser.wait_for_text("1–1 of 1").await;
    let focused = browser.focused().await.expect("a button");
    assert_eq!(focused.name().await, "Cancel task 2…");
    // Work outside of requests has no path, but a name.
    browser.open(&bridge.url("/_live#/tasks")).await;
    browser.wait_for_text("second").await;
}

/// Holds 17.13 of docs/admin-api.md.
#[tokio::test]
async fn the_link_that_skips_to_the_view_keeps_the_address() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let (_service, bridge) = service_and_bridge().await;
    browser.open(&bridge.url("/_live#/audit")).await;
    browser.find("heading", "Audit").await;
    browser.press(&[Key::Tab]).await;
    browser.press(&[Key::Enter]).await;
    let is_view = "document.activeElement.id === 'view' && location.hash === '#/audit'";
    wait_until(&browser, "the view", is_view).await;
    // An address that names no view shows the first one.
    browser.open("about:blank").await;
    browser.open(&bridge.url("/_live#view")).await;
    browser.wait_for_text("/quick").await;
}

/// Holds 17.10 of docs/admin-api.md.
#[tokio::test]
async fn many_changes_are_not_as_many_looks() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let (service, bridge) = service_and_bridge().await;
    browser.open(&bridge.url("/_live#/audit?h=reason")).await;
    browser.wait_for_text("as of now").await;
    for number in 0..40 {
        let change = format!("_routes/timing.quick/interrupt?reason=number+{number}");
        service.post(&change).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // It does look meanwhile, soon after the last one, too.
    browser.wait_for_text("number 39").await;
    let script = "const looks = performance.getEntriesByType('resource')
            .filter(entry => entry.name.includes('/_cat/health'));
        return looks.slice(1).map((look, index) => look.startTime - looks[index].responseEnd);";
    let between = browser.execute(script, json!([])).await;
    let between: Vec<f64> = serde_json::from_value(between).expect("a list of times");
    assert!((1..40).contains(&between.len()), "{between:?}");
    // Timers have whole milliseconds, and the other answers of a look may come later.
    let too_soon = between.iter().filter(|between| **between < 190.0).count();
    assert_eq!(too_soon, 0, "{between:?}");
}

/// Holds 17.11 of docs/admin-api.md.
#[tokio::test]
async fn a_page_that_rests_holds_no_connection_for_events() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let (service, bridge) = service_and_bridge().await;
    let source = "
        window.sources = [];
        window.EventSource = class extends EventSource {
            constructor(url) {
                super(url);
                window.sources.push(this);
            }
        };";
    let source = json!({"source": source});
    let command = "Page.addScriptToEvaluateOnNewDocument";
    browser.cdp(command, source).await;
    browser.open(&bridge.url("/_live#/events")).await;
    let open = "window.sources.filter(source => source.readyState === 1).length";
    wait_until(&browser, "a source", &format!("{open} === 1")).await;
    browser.find("button", "Pause").await.click().await;
    wait_until(&browser, "no source", &format!("{open} === 0")).await;
    let change = "_routes/timing.quick/interrupt?reason=meanwhile";
    service.post(change).await;
    browser.find("button", "Pause").await.click().await;
    // What has happened meanwhile is read.
    browser.wait_for_text("“meanwhile”").await;
    let hide = "Object.defineProperty(document, 'hidden', { get: () => true });
        document.dispatchEvent(new Event('visibilitychange'));";
    browser.execute(hide, json!([])).await;
    wait_until(&browser, "no source", &format!("{open} === 0")).await;
    let twice = "document.querySelectorAll('.events li').length";
    assert_eq!(
        browser
            .execute(&format!("return {twice};"), json!([]))
            .await,
        1
    );
}

/// Holds 17.12 of docs/admin-api.md.
#[tokio::test]
async fn another_process_with_the_same_id_is_told_apart() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let (_service, bridge) = service_and_bridge().await;
    browser.open(&bridge.url("/_live")).await;
    browser.wait_for_text("as of now").await;
    let about = json!({
        "name": "app",
        "pid": std::process::id(),
        "uptime": "0s",
        "uptime_in_seconds": 0,
    });
    answer(&browser, "/", about).await;
    let said = "document.getElementById('announcer').textContent.includes('restarted')";
    wait_until(&browser, "an announcement", said).await;
}

#[tokio::test]
async fn holders_can_be_cancelled_once_they_are_known() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let (_service, bridge) = service_and_bridge().await;
    browser.open(&bridge.url("/_live")).await;
    let mut wait = json!({"resource": "pool", "resource_id": "1", "holders": null});
    answer(&browser, "/_cat/waits", json!([wait])).await;
    browser.find("link", "Waits").await.click().await;
    browser.wait_for_text("pool").await;
    assert!(
        browser
            .find_all("button", "Cancel holders of pool…")
            .await
            .is_empty()
    );
    wait["holders"] = json!("3");
    answer(&browser, "/_cat/waits", json!([wait])).await;
    browser.find("button", "Cancel holders of pool…").await;
}

/// Holds 17.5, 17.12 of docs/admin-api.md.
#[tokio::test]
async fn a_change_without_an_answer_can_be_tried_again() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let (service, mut bridge) = service_and_bridge().await;
    let id = service.route("timing.quick").await["id"].clone();
    let view = format!("/_live#/route/{}", id.as_str().expect("an id"));
    browser.open(&bridge.url(&view)).await;
    browser.find("button", "Interrupt…").await.click().await;
    let interrupt = browser.find("button", "Interrupt 0 tasks").await;
    bridge.stop().await;
    interrupt.click().await;
    browser
        .wait_for_text("No answer. The audit shows whether")
        .await;
    bridge.restart().await;
    browser.find("button", "Dry run again").await.click().await;
    let interrupt = browser.find("button", "Interrupt 0 tasks").await;
    interrupt.click().await;
    browser.wait_for_text("Done: interrupted: 0").await;
    browser.press(&[Key::Escape]).await;

    // An error of a button stays until another view is opened.
    bridge.stop().await;
    let settings = browser.find("button", "Change settings…").await;
    settings.click().await;
    browser.wait_for_text("The service does not answer: ").await;
    browser.wait_for_text("no answer, trying again").await;
    let problem = "document.getElementById('problem').textContent !== ''";
    assert_eq!(
        browser
            .execute(&format!("return {problem};"), json!([]))
            .await,
        true
    );
    browser.find("link", "Routes").await.click().await;
    wait_until(&browser, "no problem", &format!("!({problem})")).await;
}

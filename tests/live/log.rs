//! Log levels and settings that expire, as a person changes them on the page.

use std::io;

use axum::Router;
use serde_json::json;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt, registry};
use underscore_runtime::{RouterExt as _, log_filter, underscore_route};

use crate::browser::{Browser, Options};
use crate::support::Service;
use crate::support::process::own_process;
use crate::views::open;
use crate::webdriver::Key;

const TARGET: &str =
    "Target: the beginning of those that it applies to, as in sqlx; * is every other one";

#[underscore_route(get, "/quick", name = "log.quick")]
async fn quick() {}

/// Installs a log whose levels can be changed.
pub(crate) fn install() {
    let layer = fmt::layer().with_writer(io::sink);
    let layer = layer.with_filter(log_filter(EnvFilter::new("warn")));
    registry().with(layer).init();
}

async fn click(browser: &Browser, button: &str) {
    browser.find("button", button).await.click().await;
}

/// Applies what a dialog shows, and closes it.
async fn apply(browser: &Browser) {
    click(browser, "Apply").await;
    browser.wait_for_text("Done.").await;
    click(browser, "Close").await;
}

/// Waits until the first row of the levels begins with this.
async fn wait_for_first(browser: &Browser, text: &str) {
    let is_first = async || {
        let row = browser.row("log levels", 1).await;
        row.starts_with(text).then_some(())
    };
    browser.until(text, is_first).await;
}

/// Holds 17.16 of docs/admin-api.md.
#[tokio::test]
async fn a_log_level_is_set_and_removed_by_clicks() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    install();
    let service = Service::start(Router::new().mount(quick)).await;
    let body = json!({"transient": {"log": "trace"}, "expires_in": "15m"});
    service
        .put("_routes/log.quick/settings", body)
        .await
        .ok_json();
    let _bridge = open(&browser, &service, "log").await;
    browser.wait_for_text("warn (tests/live/log.rs:").await;
    let route = service.route("log.quick").await["id"].clone();
    let route = route.as_str().expect("an id");
    let route = format!("route {route} trace 14.");
    let row = browser.row("log levels", 1).await;
    assert!(row.starts_with(&route), "{row}");
    assert!(row.ends_with("m Change settings…"), "{row}");

    click(&browser, "Set a level…").await;
    browser
        .wait_for_text("Dry run: no value is changed yet.")
        .await;
    let target = browser.find("textbox", TARGET).await;
    target.send_keys("sqlx=debug").await;
    browser
        .wait_for_text("[transient.sqlx=debug] must be the beginning of targets")
        .await;
    target.clear().await;
    target.send_keys("sqlx").await;
    browser
        .wait_for_text("Dry run: levels would be sqlx = debug.")
        .await;
    let shown = service.admin_json("_logger").await;
    assert_eq!(shown["transient"], json!({}), "it was a dry run");
    apply(&browser).await;
    wait_for_first(&browser, "sqlx debug 14.").await;

    click(&browser, "Change the level of sqlx…").await;
    let level = async || browser.find("combobox", "Level").await;
    level().await.send_keys("trace").await;
    browser
        .wait_for_text("Dry run: levels would be sqlx = trace.")
        .await;
    apply(&browser).await;
    wait_for_first(&browser, "sqlx trace 14.").await;

    // The dialog opens with the level that is in force now.
    click(&browser, "Change the level of sqlx…").await;
    browser
        .wait_for_text("Dry run: levels would be sqlx = trace.")
        .await;
    level().await.send_keys("the service").await;
    browser
        .wait_for_text("Dry run: levels would be none.")
        .await;
    apply(&browser).await;
    wait_for_first(&browser, &route).await;
    let shown = service.admin_json("_logger").await;
    assert_eq!(
        (&shown["transient"], &shown["expires_in"]),
        (&json!({}), &json!(null))
    );
    let audit = service.admin_json("_cat/audit?format=json&h=action").await;
    assert_eq!(audit[0]["action"], "log", "{audit:#}");
}

/// Holds 17.16 of docs/admin-api.md.
#[tokio::test]
async fn without_a_filter_the_page_shows_the_line_to_add() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let service = Service::start(Router::new()).await;
    let _bridge = open(&browser, &service, "log").await;
    browser
        .wait_for_text("No layer of the log has a filter of underscore_runtime::log_filter.")
        .await;
    click(&browser, "Set a level…").await;
    let target = browser.find("textbox", TARGET).await;
    target.send_keys("sqlx").await;
    browser
        .wait_for_text("with_filter(underscore_runtime::log_filter(")
        .await;
    assert!(browser.find_all("button", "Apply").await.is_empty());
    browser.press(&[Key::Escape]).await;
}

/// Holds 17.17 of docs/admin-api.md.
#[tokio::test]
async fn settings_are_prolonged_by_clicks() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let service = Service::start(Router::new().mount(quick)).await;
    let path = "_routes/log.quick/settings";
    // Its settings are those of the mount and not of the handler.
    service.get("/quick").await;
    for (key, expires) in [("limit.active", "5m"), ("limit.rate", "8m")] {
        let body = json!({"transient": {key: 7}, "expires_in": expires});
        service.put(path, body).await.ok_json();
    }
    service.set("log.quick", "slow_after", "3s").await;
    let _bridge = open(&browser, &service, "route/log.quick").await;
    browser.wait_for_text("limit.active = 7 for 4.").await;
    let text = browser.text().await;
    assert!(text.contains("limit.rate = 7 for 7."), "{text}");
    assert!(text.contains("slow_after = 3s"), "{text}");
    assert!(!text.contains("slow_after = 3s for"), "{text}");

    click(&browser, "Change settings…").await;
    browser
        .wait_for_text("Dry run: no value is changed yet.")
        .await;
    let all = "Prolong, for this route: limit.active, limit.rate";
    browser.find("checkbox", all).await.click().await;
    browser.wait_for_text("Dry run: would affect 0").await;
    apply(&browser).await;
    browser.wait_for_text("limit.active = 7 for 14.").await;
    let text = browser.text().await;
    assert!(text.contains("limit.rate = 7 for 14."), "{text}");
    assert!(!text.contains("slow_after = 3s for"), "{text}");

    click(&browser, "Change settings…").await;
    let field = async |name| browser.find("textbox", name).await;
    let active = field("limit.active requests in flight at most; further ones get 503").await;
    active.clear().await;
    let rate = field("limit.rate requests per second at most; further ones get 429").await;
    rate.send_keys("0").await;
    browser.wait_for_text("Reset and set in two steps").await;
    assert!(browser.find_all("button", "Apply").await.is_empty());
    // By keys: a field that the driver clears tells nobody.
    rate.send_keys("\u{e003}\u{e003}").await;
    browser.wait_for_text("Dry run: would affect 0").await;
    apply(&browser).await;
    let settings = service.admin_json(&format!("{path}?flat_settings")).await;
    let (_, settings) = settings
        .as_object()
        .expect("an object")
        .iter()
        .next()
        .expect("one");
    assert_eq!(settings["transient"], json!({"slow_after": "3s"}));
    assert_eq!(settings["expires_in"], json!(null));

    // What expires is shown, too, if it is a reset.
    let body = json!({"transient": {"slow_after": null}, "expires_in": "9m"});
    service.put(path, body).await.ok_json();
    service.set("log.quick", "timeout", "20s").await;
    browser.wait_for_text("slow_after reset for 8.").await;
}

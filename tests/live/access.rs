//! The page for people who use a keyboard, a screen reader, a small window or a dark one.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use reqwest::Method;
use serde_json::json;
use tokio::sync::{Barrier, Semaphore};
use underscore_runtime::{RequestLayer, underscore_route};

use crate::axe;
use crate::bridge::Bridge;
use crate::browser::{Browser, Options};
use crate::support::Service;
use crate::support::process::own_process;
use crate::webdriver::Key;

type Shared = Arc<(Semaphore, Barrier)>;

#[underscore_route(get, "/deadlock", name = "access.deadlock")]
async fn deadlock(State(state): State<Shared>) -> Result<(), &'static str> {
    let (permits, both_have_one) = &*state;
    let _first = permits.acquire().await.map_err(|_| "closed")?;
    both_have_one.wait().await;
    let _second = permits.acquire().await.map_err(|_| "closed")?;
    Ok(())
}

#[underscore_route(get, "/panics", name = "access.panics")]
async fn panics() {
    panic!("for the table of ended requests");
}

/// A service with something in every view: a deadlock, a request that has ended badly, a setting,
/// and records of the audit.
async fn service() -> Service {
    let app = Router::new()
        .route("/deadlock", get(deadlock))
        .route("/panics", get(panics))
        .layer(RequestLayer::new())
        .with_state(Arc::new((Semaphore::new(2), Barrier::new(2))));
    let service = Service::start_tracked(app).await;
    for _ in 0..2 {
        service.send_and_wait("/deadlock");
    }
    service.wait_for_waiting("access.deadlock", 2).await;
    // The connection is closed.
    let _ = service.request(Method::GET, "/panics").send().await;
    service.set("access.panics", "limit.active", 7).await;
    service
}

/// The views, and a word of each that is shown when the service has answered.
const VIEWS: [(&str, &str); 15] = [
    ("routes", "/deadlock"),
    ("tasks", "waiting"),
    ("stacks", "permits.acquire()"),
    ("waits", "deadlock"),
    ("awaits", "permits.acquire()"),
    ("workers", "running"),
    ("connections", "127.0.0.1"),
    ("ended", "for the table of ended requests"),
    ("audit", "access.panics"),
    ("captures", "capture_to"),
    ("events", "Type"),
    ("log", "log_filter"),
    ("profile", "Seconds"),
    ("route/access.deadlock", "permits.acquire()"),
    ("task/1", "Stack"),
];

const WIDTHS: [u32; 2] = [390, 1280];

async fn open(browser: &Browser, bridge: &Bridge, view: &str, word: &str) {
    browser.open(&bridge.url(&format!("/_live#/{view}"))).await;
    browser.wait_for_text("deadlock").await;
    browser.wait_for_text(word).await;
}

/// What keeps somebody from using the page as it is now, at all widths, light and dark.
async fn problems(browser: &Browser, axe: &str, what: &str) -> Vec<String> {
    let mut found = Vec::new();
    for width in WIDTHS {
        for dark in [false, true] {
            browser.set_width(width).await;
            browser.set_media(dark, true).await;
            let what = format!("{what}, {width} px{}", if dark { ", dark" } else { "" });
            let broken = browser.axe(axe).await;
            found.extend(broken.iter().map(|rule| format!("{what}: {rule}")));
            let script = "return document.documentElement.scrollWidth;";
            let needed = browser.execute(script, json!([])).await;
            if needed.as_u64() > Some(u64::from(width)) {
                found.push(format!("{what}: {needed} px wide"));
            }
        }
    }
    found
}

/// Holds 17.13, 17.14 of docs/admin-api.md.
#[tokio::test]
async fn axe_finds_nothing_serious_in_any_view() {
    own_process!();
    let (Some(browser), Some(axe)) = (Browser::start(&Options::default()).await, axe::source())
    else {
        return;
    };
    let service = service().await;
    let bridge = Bridge::start(&service.directory.path().join("app.sock")).await;
    let mut found = Vec::new();
    for (view, word) in VIEWS {
        open(&browser, &bridge, view, word).await;
        found.extend(problems(&browser, &axe, view).await);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Buttons that open a dialog, each with its view and the name of the dialog.
const DIALOGS: [(&str, &str, &str); 5] = [
    (
        "route/access.deadlock",
        "Interrupt…",
        "Interrupt the requests of GET /deadlock",
    ),
    (
        "route/access.deadlock",
        "Change settings…",
        "Settings of GET /deadlock",
    ),
    ("task/1", "Cancel…", "Cancel task 1"),
    ("connections", "Close connection 1…", "Close connection 1"),
    ("log", "Set a level…", "Log level of a target"),
];

/// Holds 17.13, 17.14 of docs/admin-api.md.
#[tokio::test]
async fn dialogs_are_accessible_keep_the_focus_and_give_it_back() {
    own_process!();
    let (Some(browser), Some(axe)) = (Browser::start(&Options::default()).await, axe::source())
    else {
        return;
    };
    let service = service().await;
    let bridge = Bridge::start(&service.directory.path().join("app.sock")).await;
    let mut found = Vec::new();
    for (view, button, name) in DIALOGS {
        open(&browser, &bridge, view, "").await;
        let button = browser.find("button", button).await;
        button.click().await;
        browser.find("dialog", name).await;
        browser.wait_for_text("Dry run").await;
        found.extend(problems(&browser, &axe, name).await);
        let is_inside = "return document.querySelector('dialog').contains(document.activeElement) \
            || document.activeElement === document.body;";
        for keys in [&[Key::Tab][..], &[Key::Shift, Key::Tab]] {
            for _ in 0..30 {
                browser.press(keys).await;
                let inside = browser.execute(is_inside, json!([])).await;
                assert_eq!(inside, true, "{name}: the focus leaves");
            }
        }
        browser.press(&[Key::Escape]).await;
        let closed = async || {
            browser
                .find_all("dialog", name)
                .await
                .is_empty()
                .then_some(())
        };
        browser.until("no dialog", closed).await;
        let focused = browser.focused().await.expect("the button has the focus");
        assert_eq!(focused.name().await, button.name().await, "{name}");
        let tasks = service.tasks("access.deadlock").await;
        assert_eq!(tasks.len(), 2, "{name}: Escape changes nothing");
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Holds 17.13 of docs/admin-api.md.
#[tokio::test]
async fn every_control_is_reached_by_keyboard_in_the_order_of_the_page() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let service = service().await;
    let bridge = Bridge::start(&service.directory.path().join("app.sock")).await;
    for (view, word) in VIEWS {
        browser.open("about:blank").await;
        open(&browser, &bridge, view, word).await;
        // A control that comes or goes meanwhile would be no mistake.
        // Without a click, which would move the focus.
        let pause = "document.getElementById('pause').click();";
        browser.execute(pause, json!([])).await;
        let controls = "
            const isShown = it => it.checkVisibility() && !it.disabled;
            const all = [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')]
                .filter(it => it.tabIndex >= 0 && isShown(it));
            window.controls = all;
            return all.map(it => it.outerHTML.slice(0, 100));";
        let controls = browser.execute(controls, json!([])).await;
        let controls = controls.as_array().expect("a list");
        assert!(controls.len() > 12, "{view}: {controls:#?}");
        for (index, control) in controls.iter().enumerate() {
            browser.press(&[Key::Tab]).await;
            let focused = "
                const it = document.activeElement;
                const { outlineStyle, outlineWidth } = getComputedStyle(it);
                const box = it.getBoundingClientRect();
                return {
                    index: window.controls.indexOf(it),
                    isVisible: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
                    isInWindow: box.bottom > 0 && box.top < innerHeight && box.right > 0,
                };";
            let focused = browser.execute(focused, json!([])).await;
            let expected = json!({"index": index, "isVisible": true, "isInWindow": true});
            assert_eq!(focused, expected, "{view}: {control}");
            let element = browser.focused().await.expect("a control");
            assert_ne!(element.name().await, "", "{view}: {control} has no name");
        }
    }
}

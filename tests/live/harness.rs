//! The tests' own tools.

use std::fs;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use futures_util::FutureExt;

use crate::axe;
use crate::bridge::Bridge;
use crate::browser::{Browser, LogEntry, Options};
use crate::site::Site;
use crate::support::{PATIENCE, Service};
use crate::webdriver::Key;

/// A page with a policy as strict as a page can have.
async fn strict() -> impl IntoResponse {
    let policy = "default-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
    let page = "<!doctype html><html lang=en><title>Strict</title><main><h1>Strict</h1>\
        <script>document.title = 'runs'</script><input><button>Send</button></main>";
    ([(CONTENT_SECURITY_POLICY, policy)], Html(page))
}

async fn plain() -> Html<&'static str> {
    Html(
        "<!doctype html><html lang=en><title>Plain</title><style>\
         @media (prefers-color-scheme: dark) { body { color: #777; background: #666 } }\
         @media (prefers-reduced-motion: reduce) { i { display: none } }\
         @media (width < 400px) { b { display: none } }\
         </style><main><h1>Plain</h1><p>It <i>moves</i> <b>broadly</b></p>\
         <label>Name <input></label> <button>Send</button> <button hidden>Send</button>\
         <output></output></main>\
         <script>document.querySelector('button').addEventListener('click', () => {\
             const name = document.querySelector('input').value;\
             document.querySelector('output').textContent = 'Hello ' + name;\
         });</script>",
    )
}

async fn pages() -> Site {
    let pages = Router::new()
        .route("/plain", get(plain))
        .route("/strict", get(strict));
    Site::start(pages).await
}

#[tokio::test]
async fn elements_are_found_as_assistive_technology_sees_them() {
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let site = pages().await;
    browser.open(&site.url("localhost", "/plain")).await;
    browser.find("textbox", "Name").await.send_keys("Ada").await;
    browser.find("button", "Send").await.click().await;
    browser.wait_for_text("Hello Ada").await;
    browser.find("textbox", "Name").await.clear().await;
    browser.press(&[Key::Tab]).await;
    let focused = browser.focused().await.expect("an element");
    assert_eq!(focused.role().await, "button");
    assert_eq!(focused.name().await, "Send");
    browser.press(&[Key::Enter]).await;
    let says_hello = async || {
        let status = browser.find("status", "").await;
        (status.text().await == "Hello").then_some(())
    };
    browser.until("a greeting", says_hello).await;
    browser.press(&[Key::Shift, Key::Tab]).await;
    let focused = browser.focused().await.expect("an element");
    assert_eq!(focused.name().await, "Name");
    browser.assert_no_errors().await;
    let footprint = browser.footprint().await;
    assert!(
        (10..1000).contains(&footprint.nodes) && footprint.heap > 10_000,
        "{footprint:?}"
    );
    assert!(browser.screenshot().await.starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn a_page_is_shown_as_the_user_prefers() {
    let options = Options {
        width: 390,
        dark: true,
        reduced_motion: true,
        ..Options::default()
    };
    let Some(browser) = Browser::start(&options).await else {
        return;
    };
    let site = pages().await;
    browser.open(&site.url("localhost", "/plain")).await;
    let text = browser.text().await;
    assert!(
        !text.contains("moves") && !text.contains("broadly"),
        "{text}"
    );
    let Some(axe) = axe::source() else { return };
    let dark = browser.axe(&axe).await;
    let rules: Vec<&str> = dark.iter().map(|found| &*found.rule).collect();
    assert_eq!(rules, ["color-contrast"], "{dark:#?}");
    browser.set_media(false, false).await;
    browser.set_width(1280).await;
    browser.wait_for_text("It moves broadly").await;
    browser.assert_accessible(&axe, "light").await;
}

#[tokio::test]
async fn axe_reads_a_page_that_may_run_no_script() {
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let site = pages().await;
    browser.open(&site.url("localhost", "/strict")).await;
    let log = browser.log().await;
    let is_violation = |entry: &LogEntry| {
        entry.source == "security" && entry.message.contains("Content Security Policy")
    };
    assert!(log.iter().any(is_violation), "{log:#?}");
    let Some(axe) = axe::source() else { return };
    let found = browser.axe(&axe).await;
    let rules: Vec<&str> = found.iter().map(|found| &*found.rule).collect();
    assert_eq!(rules, ["label"], "{found:#?}");
    assert_eq!(found[0].targets, ["input"]);
    browser.assert_no_errors().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_panic_leaves_no_process_and_no_file() {
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let (group, directory) = (browser.driver.id(), browser.driver.directory().to_owned());
    assert!(directory.join("profile").is_dir());
    assert!(running(group) > 3, "Chromium has several processes");
    let panics = async move {
        let _browser = browser;
        panic!("in a test");
    };
    let caught = AssertUnwindSafe(panics).catch_unwind().await;
    assert!(caught.is_err());
    assert!(!directory.exists());
    // They have the signal, but may still be in a system call.
    let deadline = Instant::now() + PATIENCE;
    while running(group) > 0 {
        assert!(Instant::now() < deadline, "{} of them", running(group));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[cfg(target_os = "linux")]
/// The number of processes of a group that have not been killed.
fn running(group: u32) -> usize {
    let processes = fs::read_dir("/proc").expect("a directory");
    let statistics = processes.filter_map(|process| {
        let path = process.ok()?.path().join("stat");
        fs::read_to_string(path).ok()
    });
    let is_running = |statistics: &String| {
        // The name of the program, in parentheses, may contain spaces.
        let (_, after_name) = statistics.rsplit_once(')').expect("it has a name");
        let mut fields = after_name.split_whitespace();
        let state = fields.next().expect("a state");
        fields.nth(1) == Some(&*group.to_string()) && !matches!(state, "Z" | "X")
    };
    statistics.filter(is_running).count()
}

#[tokio::test]
async fn a_forwarded_port_goes_away_and_comes_back() {
    let service = Service::start(Router::new()).await;
    let socket = service.directory.path().join("app.sock");
    let mut bridge = Bridge::start(&socket).await;
    let client = reqwest::Client::new();
    let url = bridge.url("/_cat");
    let status = async || Some(client.get(&url).send().await.ok()?.status().as_u16());
    assert_eq!(status().await, Some(200));
    bridge.stop().await;
    assert_eq!(status().await, None);
    bridge.restart().await;
    assert_eq!(status().await, Some(200));
}

//! Makes pictures of the incident, light and dark, for people to look at:
//!
//! ```text
//! cargo test --test live -- --ignored pictures
//! ```
//!
//! All are written to `target/pictures`. Those in the README replace the ones in
//! `underscore-runtime/docs`.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::bridge::Bridge;
use crate::browser::{Browser, Options};
use crate::incident::hang;
use crate::support::example::Example;

/// Height of the picture in the README, in pixels.
const README_HEIGHT: u32 = 640;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[tokio::test]
#[ignore = "makes files"]
async fn pictures() {
    for (scheme, dark) in [("light", false), ("dark", true)] {
        for width in [1280, 390] {
            let options = Options {
                width,
                dark,
                ..Options::default()
            };
            let Some(browser) = Browser::start(&options).await else {
                return;
            };
            take(&browser, &format!("{scheme}-{width}")).await;
            if width == 1280 {
                let picture = fs::read(path(&format!("route-{scheme}-1280")));
                let docs = format!("{ROOT}/underscore-runtime/docs/live-{scheme}.webp");
                fs::write(docs, picture.expect("it was made")).expect("it is written");
            }
        }
    }
}

/// Plays the incident, and takes a picture of each of its steps.
async fn take(browser: &Browser, suffix: &str) {
    let hide = json!({"hidden": true});
    browser.cdp("Emulation.setScrollbarsHidden", hide).await;
    let app = Example::start("sample_app");
    let bridge = Bridge::start(&app.admin).await;
    let _clients = hang(&app).await;
    let picture = async |name: &str, height: u32| {
        write(browser, &format!("{name}-{suffix}"), height).await;
    };
    browser.open(&bridge.url("/")).await;
    browser.find("link", "red sample_app").await;
    picture("routes", README_HEIGHT).await;
    let route = browser.find_in("#health", "link", "/twice").await;
    route.click().await;
    browser.row("Where its requests are", 1).await;
    picture("route", README_HEIGHT).await;
    browser.find("button", "Interrupt…").await.click().await;
    let reason = "Reason, for the clients, the audit and the log";
    let reason = browser.find("textbox", reason).await;
    reason.send_keys("deadlock, see the incident channel").await;
    browser.find("button", "Interrupt 3 tasks").await;
    picture("interrupt", README_HEIGHT).await;
    browser.find("button", "Back").await.click().await;
    for view in ["tasks", "waits", "events", "log", "profile?seconds=1"] {
        browser.open(&bridge.url(&format!("/_live#/{view}"))).await;
        let (name, _) = view.split_once('?').unwrap_or((view, ""));
        if name == "profile" {
            browser.find("button", "Profile").await.click().await;
            browser.wait_for_text("Heaviest stacks").await;
        }
        // The rows of the view, which has no table in some cases.
        browser
            .until("content", async || {
                let rows = browser
                    .select("main tbody tr, main ol li, main p:not(:empty)")
                    .await;
                (!rows.is_empty()).then_some(())
            })
            .await;
        picture(name, README_HEIGHT).await;
    }
    browser.open(&bridge.url("/_live#/routes")).await;
    let end = browser.find("button", "Interrupt /twice…").await;
    end.click().await;
    browser
        .find("button", "Interrupt 3 tasks")
        .await
        .click()
        .await;
    browser.find("button", "Close").await.click().await;
    browser.find("link", "green sample_app").await;
    picture("green", README_HEIGHT).await;
}

fn path(name: &str) -> String {
    format!("{ROOT}/target/pictures/{name}.webp")
}

async fn write(browser: &Browser, name: &str, height: u32) {
    let clip = json!({
        "x": 0,
        "y": 0,
        "width": browser.execute("return innerWidth;", json!([])).await,
        "height": height,
        "scale": 1,
    });
    let parameters = json!({"format": "webp", "quality": 85, "clip": clip});
    let picture = browser.cdp("Page.captureScreenshot", parameters).await;
    let picture = picture["data"].as_str().expect("base64");
    let picture = BASE64_STANDARD.decode(picture).expect("base64");
    let path = path(name);
    let directory = Path::new(&path).parent().expect("it has one");
    fs::create_dir_all(directory).expect("a directory can be made");
    fs::write(&path, picture).expect("it is written");
}

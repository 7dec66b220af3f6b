//! A service that goes away and comes back while the page is open.

use crate::bridge::Bridge;
use crate::browser::{Browser, Options};
use crate::incident::{hang, requests};
use crate::support::example::Example;

/// Holds 17.12 of docs/admin-api.md.
#[tokio::test]
async fn a_lost_connection_is_said_and_made_again() {
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let app = Example::start("sample_app");
    let mut bridge = Bridge::start(&app.admin).await;
    browser.open(&bridge.url("/_live#/audit")).await;
    browser.wait_for_text("none").await;
    bridge.stop().await;
    browser
        .wait_for_text("no answer, trying again; last one")
        .await;
    wait_for_announcement(&browser, "The service does not answer.").await;
    // What it has stays.
    browser.find("heading", "Audit").await;
    bridge.restart().await;
    wait_for_announcement(&browser, "The service answers again.").await;
    // Events arrive again, too.
    let url = "http://./_routes/twice/interrupt?reason=again";
    let posted = app.operator().post(url).send().await;
    posted.expect("it answers");
    let row = browser.row("audit", 1).await;
    assert!(row.contains(" interrupt twice 200 again "), "{row}");
    browser.find("link", "Events").await.click().await;
    browser.wait_for_text("audit interrupt twice by ").await;
}

/// Holds 17.12 of docs/admin-api.md.
#[tokio::test]
async fn another_process_is_told_apart() {
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let mut app = Example::start("sample_app");
    let bridge = Bridge::start(&app.admin).await;
    let _clients = hang(&app).await;
    let url = "http://./_routes/twice/interrupt?reason=before";
    let posted = app.operator().post(url).send().await;
    posted.expect("it answers");
    browser.open(&bridge.url("/_live#/events")).await;
    browser.wait_for_text("audit interrupt twice by ").await;
    let links = async || (!browser.find_all("link", "task 4").await.is_empty()).then_some(());
    browser.until("links to task 4", links).await;
    app.interrupt();
    browser
        .wait_for_text("no answer, trying again; last one")
        .await;
    app.restart("sample_app");
    // It may happen before the page has seen that the process is another one.
    let url = "http://./_routes/twice/interrupt?reason=after";
    let posted = app.operator().post(url).send().await;
    posted.expect("it answers");
    wait_for_announcement(&browser, "The process was restarted.").await;
    // Its events stay, and are told apart from those of this one: the page links to none of its
    // tasks, whose ids are those of others now.
    browser
        .wait_for_text("restarted the events below are those of the former process")
        .await;
    assert!(browser.find_all("link", "task 4").await.is_empty());
    browser.wait_for_text("“after”").await;
    let text = browser.text().await;
    let places = ["“after”", "restarted the", "“before”"].map(|word| text.find(word));
    assert!(places.is_sorted() && places[0].is_some(), "{text}");
    assert!(text.contains("task 4"), "{text}");
    assert_eq!(text.matches("“after”").count(), 1, "{text}");
    browser.find("link", "Routes").await.click().await;
    let mut answers = requests(&app, "/once", 1);
    assert_eq!(
        answers.join_next().await.expect("one").expect("it ends"),
        200
    );
    browser
        .until("the count of the new process", async || {
            let row = browser.row("routes", 2).await;
            row.starts_with("GET /once 0 ").then_some(())
        })
        .await;
}

/// Waits until a screen reader has been told this.
async fn wait_for_announcement(browser: &Browser, text: &str) {
    browser
        .until(text, async || {
            let status = &browser.select("#announcer").await[0];
            let script = "return document.getElementById('announcer').textContent;";
            let said = browser.execute(script, serde_json::json!([])).await;
            assert_eq!(status.role().await, "status");
            said.as_str()?.contains(text).then_some(())
        })
        .await;
}

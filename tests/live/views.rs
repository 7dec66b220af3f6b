//! What a person does on the page beside the incident: tables, a stack, a profile, a worker that is
//! blocked, connections, and errors.

use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use underscore_runtime::{AdminBuilder, RouterExt as _, spawn, underscore_route};

use crate::bridge::Bridge;
use crate::browser::{Browser, Options};
use crate::incident::hang;
use crate::support::Service;
use crate::support::example::Example;
use crate::support::process::own_process;
use crate::webdriver::Key;

#[underscore_route(get, "/stays/{id}", name = "live.stays")]
async fn stays() {
    std::future::pending::<()>().await;
}

#[underscore_route(get, "/quick", name = "live.quick")]
async fn quick() {}

/// Opens a view of a service's page.
pub(crate) async fn open(browser: &Browser, service: &Service, view: &str) -> Bridge {
    let bridge = Bridge::start(&service.directory.path().join("app.sock")).await;
    browser.open(&bridge.url(&format!("/_live#/{view}"))).await;
    bridge
}

/// The texts of a column of the open table, by the number of the column.
async fn column(browser: &Browser, number: usize) -> Vec<String> {
    let script = "return [...document.querySelectorAll('tbody tr')]
        .map(row => row.cells[arguments[0]].innerText);";
    let texts = browser.execute(script, json!([number])).await;
    serde_json::from_value(texts).expect("a list of texts")
}

/// Waits until a column of the open table has these texts.
async fn wait_for_column(browser: &Browser, number: usize, expected: &[&str]) {
    let what = format!("{expected:?} in column {number}");
    browser
        .until(&what, async || {
            (column(browser, number).await == expected).then_some(())
        })
        .await;
}

/// Holds 17.9 of docs/admin-api.md.
#[tokio::test]
async fn a_table_is_filtered_sorted_and_turned() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let service = Service::start(Router::new()).await;
    for number in 1..=120 {
        spawn(format!("job {number}"), std::future::pending::<()>());
    }
    let _bridge = open(&browser, &service, "tasks?h=id,name").await;
    browser.wait_for_text("1–50 of 120").await;
    browser.find("button", "Next").await.click().await;
    browser.wait_for_text("51–100 of 120").await;
    browser.find("button", "Next").await.click().await;
    browser.wait_for_text("101–120 of 120").await;
    assert_eq!(column(&browser, 1).await[0], "job 101");
    assert!(browser.find_all("button", "Next").await.is_empty());

    // By value, and not by text.
    browser.find("button", "id").await.click().await;
    browser.wait_for_text("1–50 of 120").await;
    browser
        .until("the newest first", async || {
            let names = column(&browser, 1).await;
            (names.first()? == "job 120" && names.get(49)? == "job 71").then_some(())
        })
        .await;
    browser.find("columnheader", "id ▼").await;
    let sorted = browser.select("th[aria-sort=descending]").await;
    assert_eq!(sorted.len(), 1);

    choose(&browser, "running").await;
    browser.wait_for_text("none").await;
    choose(&browser, "waiting").await;
    browser.wait_for_text("1–50 of 120").await;

    // What was typed wrong is told beside the table.
    let older_than = browser.find("searchbox", "Older than").await;
    older_than.send_keys("long").await;
    browser.press(&[Key::Enter]).await;
    browser
        .wait_for_text("parameter [older_than] must be a number with a unit")
        .await;
    browser.execute("history.back();", json!([])).await;
    browser.wait_for_text("1–50 of 120").await;
    assert!(!browser.text().await.contains("must be a number"));

    // Columns, with their descriptions.
    browser.select("summary").await[0].click().await;
    let polls = browser.find("checkbox", "polls").await;
    polls.click().await;
    browser.find("columnheader", "polls").await;
    wait_for_column_count(&browser, 4).await;
    let title = browser.select("label[title='number of polls']").await;
    assert_eq!(title.len(), 1);
    // Only the request with the wrong parameter has failed.
    let failed = browser.log().await;
    let is_other = |entry: &&crate::browser::LogEntry| !entry.message.contains("older_than=long");
    assert_eq!(failed.iter().find(is_other).map(|it| &it.message), None);
}

/// Chooses a state.
async fn choose(browser: &Browser, state: &str) {
    browser.find("combobox", "State").await;
    let option = format!("select[name=state] option[value={state}]");
    browser.select(&option).await[0].click().await;
}

/// Waits until the rows of the open table have this many cells, that of the action included.
async fn wait_for_column_count(browser: &Browser, count: usize) {
    let script = "return document.querySelector('tbody tr')?.cells.length ?? 0;";
    browser
        .until(&format!("{count} columns"), async || {
            (browser.execute(script, json!([])).await == count).then_some(())
        })
        .await;
}

/// The times between two looks of the page, and how long each took, in milliseconds.
async fn looks(browser: &Browser) -> Vec<[f64; 2]> {
    let script = "const looks = performance.getEntriesByType('resource')
            .filter(entry => entry.name.includes('/_cat/health'));
        return looks.slice(1).map((look, index) =>
            [look.startTime - looks[index].responseEnd, looks[index].duration]);";
    let looks = browser.execute(script, json!([])).await;
    serde_json::from_value(looks).expect("a list of times")
}

/// Holds 17.10, 17.11 of docs/admin-api.md.
#[tokio::test]
async fn a_page_looks_seldom_and_not_at_all_while_it_is_paused() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let service = Service::start(Router::new().mount(quick)).await;
    let view = "routes?q=live.quick&h=path,stats.req.total";
    let _bridge = open(&browser, &service, view).await;
    wait_for_column(&browser, 1, &["0"]).await;
    browser
        .until("three looks", async || {
            (looks(&browser).await.len() >= 2).then_some(())
        })
        .await;
    for [between, took] in looks(&browser).await {
        // Timers have whole milliseconds.
        assert!(
            between + 2.0 > f64::max(2_000.0, 4.0 * took),
            "{between} {took}"
        );
    }
    let rests = async |change: &str| {
        let asked = "return performance.getEntriesByType('resource').length;";
        let before = browser.execute(asked, json!([])).await;
        service.get("/quick").await;
        // Longer than the time between two looks.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(browser.execute(asked, json!([])).await, before, "{change}");
    };
    browser.find("button", "Pause").await.click().await;
    browser.wait_for_text("paused; as of").await;
    rests("paused").await;
    wait_for_column(&browser, 1, &["0"]).await;
    browser.find("button", "Pause").await.click().await;
    wait_for_column(&browser, 1, &["1"]).await;

    let hide = "Object.defineProperty(document, 'hidden', { get: () => arguments[0], configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));";
    browser.execute(hide, json!([true])).await;
    rests("hidden").await;
    wait_for_column(&browser, 1, &["1"]).await;
    browser.execute(hide, json!([false])).await;
    wait_for_column(&browser, 1, &["2"]).await;
    browser.assert_no_errors().await;
}

#[tokio::test]
async fn a_stack_is_read_and_then_its_record() {
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let app = Example::start("sample_app");
    let bridge = Bridge::start(&app.admin).await;
    let mut clients = hang(&app).await;
    browser.open(&bridge.url("/_live#/tasks")).await;
    browser.find("link", "4").await.click().await;
    browser.find("heading", "Task 4").await;
    browser
        .wait_for_text("holds permits.acquire() examples/sample_app.rs:")
        .await;
    browser.find("button", "Cancel…").await.click().await;
    browser.find("button", "Cancel 1 task").await.click().await;
    browser.wait_for_text("Done: interrupted: 1").await;
    browser.find("button", "Close").await.click().await;
    browser
        .wait_for_text("The task has ended. This is its record.")
        .await;
    browser.wait_for_text("interrupted").await;
    // Its permit lets one of the others end, and that one the third.
    let mut answers = Vec::new();
    while let Some(status) = clients.join_next().await {
        answers.push(status.expect("it ends").as_u16());
    }
    answers.sort_unstable();
    assert_eq!(answers, [200, 200, 503]);
}

#[tokio::test]
async fn a_profile_is_a_flame_graph() {
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let app = Example::start("sample_app");
    let bridge = Bridge::start(&app.admin).await;
    let _clients = hang(&app).await;
    browser.open(&bridge.url("/_live#/profile?seconds=1")).await;
    browser.find("button", "Profile").await.click().await;
    let frames = async || {
        let script = "return [...document.querySelectorAll('.flames button')]
            .map(frame => [frame.innerText, frame.style.width]);";
        browser.execute(script, json!([])).await
    };
    let expected = json!([
        ["all requests", "100%"],
        ["GET /twice", "100%"],
        ["permits.acquire()", "100%"],
    ]);
    browser
        .until("the frames", async || {
            (frames().await == expected).then_some(())
        })
        .await;
    // By keyboard: the frame is read, and what is around it stays.
    browser.select(".flames button").await[0]
        .send_keys("\u{e004}")
        .await;
    browser.press(&[Key::Tab]).await;
    browser.press(&[Key::Enter]).await;
    browser
        .wait_for_text("sample_app::twice at examples/sample_app.rs:")
        .await;
    assert_eq!(frames().await, expected);
    browser.assert_no_errors().await;
}

#[tokio::test]
async fn a_blocked_worker_is_watched() {
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let app = Example::start("blocked");
    let bridge = Bridge::start(&app.admin).await;
    browser.open(&bridge.url("/")).await;
    browser.find("link", "green blocked").await;
    let client = Example::client().get(format!("{}/report", app.base)).send();
    tokio::spawn(client);
    browser.find("link", "red blocked").await;
    browser.find("link", "Show workers").await.click().await;
    let row = browser.row("workers", 1).await;
    assert!(row.starts_with("0 0 main blocked "), "{row}");
    assert!(row.contains("examples/blocked.rs:"), "{row}");
    assert_eq!(browser.select("tr.bad").await.len(), 1);
    browser.assert_no_errors().await;
}

#[tokio::test]
async fn a_connection_is_closed() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let service = Service::start_tracked(Router::new().mount(quick)).await;
    let mut connection = service.send_get().await;
    let _bridge = open(&browser, &service, "connections").await;
    browser.row("connections", 1).await;
    let id = column(&browser, 0).await.remove(0);
    let close = format!("Close connection {id}…");
    browser.find("button", &close).await.click().await;
    browser
        .wait_for_text("Dry run: would affect 1 connection")
        .await;
    let close = browser.find("button", "Close 1 connection").await;
    close.click().await;
    let mut rest = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut connection, &mut rest);
    read.await.expect("it is closed");
    browser.find("button", "Close").await.click().await;
    browser.wait_for_text("none").await;
}

#[tokio::test]
async fn what_cannot_be_changed_says_why() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let service = Service::start(Router::new().mount(quick)).await;
    let id = service.route("live.quick").await["id"].clone();
    let view = format!("route/{}", id.as_str().expect("an id"));
    let bridge = open(&browser, &service, &view).await;
    browser
        .find("button", "Change settings…")
        .await
        .click()
        .await;
    browser
        .wait_for_text("Dry run: no value is changed yet.")
        .await;
    assert_eq!(apply_is_disabled(&browser).await, true);
    let limit = "limit.active requests in flight at most; further ones get 503";
    browser.find("textbox", limit).await.send_keys("many").await;
    browser
        .wait_for_text("[transient.limit.active] must be an integer")
        .await;
    assert_eq!(apply_is_disabled(&browser).await, true);
    browser.press(&[Key::Escape]).await;
    drop(bridge);

    // An operator who may only read.
    let options = AdminBuilder::new().allow_changes_from_uids([4242]);
    let service = Service::start_with(Router::new().mount(quick), &options).await;
    let _bridge = open(&browser, &service, &view).await;
    browser.find("button", "Interrupt…").await.click().await;
    browser.wait_for_text("only users [4242]").await;
    assert_eq!(apply_is_disabled(&browser).await, true);
}

async fn apply_is_disabled(browser: &Browser) -> Value {
    let script = "return document.querySelector('dialog button.danger').disabled;";
    browser.execute(script, json!([])).await
}

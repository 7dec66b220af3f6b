//! The incident of the guide, from the red to the green, by clicks alone.

use reqwest::StatusCode;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::bridge::Bridge;
use crate::browser::{Browser, Options};
use crate::support::FOREVER;
use crate::support::example::Example;

/// Sends concurrent requests to a path of the service.
pub(crate) fn requests(app: &Example, path: &str, count: usize) -> JoinSet<StatusCode> {
    let mut clients = JoinSet::new();
    for number in 1..=count {
        let url = format!("{}{path}?{number}", app.base);
        let request = Example::client().get(url).timeout(FOREVER).send();
        clients.spawn(async move { request.await.expect("it is answered").status() });
    }
    clients
}

/// The incident: two of five requests to `/twice` are answered, three wait for each other.
pub(crate) async fn hang(app: &Example) -> JoinSet<StatusCode> {
    let mut clients = requests(app, "/twice", 5);
    for _ in 0..2 {
        let status = clients.join_next().await.expect("two are answered");
        assert_eq!(status.expect("it ends"), 200);
    }
    clients
}

/// The answer of the admin API to a read.
async fn ask(app: &Example, path: &str) -> Value {
    let request = app.operator().get(format!("http://./{path}"));
    let answer = request.send().await.expect("it answers");
    answer.json().await.expect("it is JSON")
}

/// The paths and queries of the requests that the page has sent so far, in their order.
async fn sent(browser: &Browser) -> Vec<String> {
    let script = "return performance.getEntriesByType('resource').map(entry => entry.name);";
    let sent = browser.execute(script, serde_json::json!([])).await;
    let sent = sent.as_array().expect("a list").clone();
    let own = browser.origin().await;
    sent.iter()
        .map(|url| {
            let url = url.as_str().expect("a URL");
            let path = url.strip_prefix(&own);
            path.unwrap_or_else(|| panic!("{url} is not of {own}"))
                .to_owned()
        })
        .collect()
}

/// Holds 17.5, 17.6 of docs/admin-api.md.
#[tokio::test]
async fn an_incident_is_ended_by_clicks() {
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let app = Example::start("sample_app");
    let bridge = Bridge::start(&app.admin).await;
    let mut clients = hang(&app).await;

    // Red on top, and why.
    browser.open(&bridge.url("/")).await;
    browser.find("link", "red sample_app").await;
    browser
        .wait_for_text("probably all 3 known holders of permits.acquire() wait for it")
        .await;

    // The route, and the three requests on one line with what they hold.
    browser
        .find_in("#health", "link", "/twice")
        .await
        .click()
        .await;
    browser.find("heading", "GET /twice").await;
    let row = browser.row("Where its requests are", 1).await;
    let [first, second] = acquires();
    let line = format!(
        "3 waiting {{}} examples/sample_app.rs:{second} permits.acquire() \
         permits.acquire() examples/sample_app.rs:{first}"
    );
    assert_row(&row, &line);

    // The dry run first, then the interrupt with its reason.
    browser.find("button", "Interrupt…").await.click().await;
    browser
        .find("dialog", "Interrupt the requests of GET /twice")
        .await;
    browser
        .wait_for_text("Dry run: would affect 3 requests")
        .await;
    assert_eq!(ask(&app, "_audit").await["audit"], Value::Array(vec![]));
    let reason = "Reason, for the clients, the audit and the log";
    let reason = browser.find("textbox", reason).await;
    reason.send_keys("deadlock; see chat").await;
    browser
        .find("button", "Interrupt 3 tasks")
        .await
        .click()
        .await;
    browser
        .wait_for_text("Done: interrupted: 3, still running: 0.")
        .await;
    while let Some(status) = clients.join_next().await {
        assert_eq!(status.expect("it ends"), 503);
    }
    browser.find("button", "Close").await.click().await;
    browser.find("link", "green sample_app").await;
    let ended = browser.row("Ended badly or slowly", 1).await;
    assert!(ended.contains(" 503 interrupted "), "{ended}");
    assert!(ended.ends_with("deadlock; see chat"), "{ended}");

    // A limit that expires by itself.
    browser
        .find("button", "Change settings…")
        .await
        .click()
        .await;
    let limit = "limit.active requests in flight at most; further ones get 503";
    browser.find("textbox", limit).await.send_keys("2").await;
    browser
        .wait_for_text("Dry run: would affect 0 requests")
        .await;
    let settings = ask(&app, "_routes/twice/settings").await;
    assert!(!settings.to_string().contains("limit"), "{settings}");
    browser.find("button", "Apply").await.click().await;
    browser.find("button", "Close").await.click().await;
    browser
        .wait_for_text("Settings: limit.active = 2 for 14.")
        .await;
    let mut answers = Vec::new();
    let mut clients = requests(&app, "/twice", 5);
    while let Some(status) = clients.join_next().await {
        answers.push(status.expect("it ends").as_u16());
    }
    answers.sort_unstable();
    assert_eq!(answers, [200, 200, 503, 503, 503]);

    // The audit.
    browser.find("link", "Audit").await.click().await;
    let row = browser.row("audit", 2).await;
    assert!(row.contains(" interrupt "), "{row}");
    assert!(row.contains(" 200 deadlock; see chat "), "{row}");
    let row = browser.row("audit", 1).await;
    assert!(row.contains(" settings "), "{row}");
    assert!(
        row.contains(r#"{"limit":{"active":2}},"expires_in":"14.9"#),
        "{row}"
    );
    browser.assert_no_errors().await;
    assert_dry_runs_came_first(&sent(&browser).await);
}

/// Each change is preceded by the same request as a dry run.
fn assert_dry_runs_came_first(sent: &[String]) {
    let is_change = |path: &&String| {
        let path = path.split('?').next().unwrap_or_default();
        path.ends_with("/interrupt")
    };
    let changes: Vec<&String> = sent.iter().filter(is_change).collect();
    let [dry_run, change] = changes.as_slice() else {
        panic!("{sent:#?}");
    };
    assert!(dry_run.ends_with("/interrupt?dry_run=true"), "{dry_run}");
    assert!(
        change.ends_with("/interrupt?reason=deadlock%3B+see+chat"),
        "{change}"
    );
}

/// A row of this text, with `{}` for what differs from run to run.
fn assert_row(row: &str, expected: &str) {
    let (before, after) = expected.split_once("{}").expect("a place");
    assert!(row.starts_with(before) && row.ends_with(after), "{row}");
}

/// The lines of the two acquires in `/twice`, the last ones of the file.
fn acquires() -> [usize; 2] {
    let lines = include_str!("../../examples/sample_app.rs")
        .lines()
        .enumerate();
    let acquires = lines.filter(|(_, line)| line.contains(".acquire"));
    acquires.fold([0, 0], |[_, second], (index, _)| [second, index + 1])
}

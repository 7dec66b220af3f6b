//! Text that clients and operators have written stays text on the page.

use std::fmt;

use axum::Router;
use axum::routing::{any, get};
use serde_json::{Value, json};
use tokio::io::duplex;
use tokio::net::TcpStream;
use underscore_runtime::{RequestLayer, spawn, track_connection, underscore_route};

use crate::bridge::Bridge;
use crate::browser::{Browser, Options};
use crate::log;
use crate::support::process::own_process;
use crate::support::{Service, send, talk};
use crate::webdriver::Key;

/// Markup that runs a script where it is parsed, in any of the usual contexts, and a template.
const MARKUP: &str = "<img src=x onerror=ran=1>\"><script>ran=1</script>'><svg onload=ran=1>\
    </td></table><a href=javascript:ran=1>javascript:ran=1</a>{{7*7}}${7*7}%00";

/// It reverses text and hides: a bidirectional override, and a zero-width space.
const INVISIBLE: &str = "\u{202e}\u{200b}";

fn evil(kind: &str) -> String {
    format!("{kind}:{MARKUP}{INVISIBLE}")
}

#[underscore_route(any, "/evil/{*rest}", name = "evil.waits")]
async fn waits() {
    labelled("await:<img src=x onerror=ran=1>").await;
}

async fn labelled(_: &str) {
    std::future::pending::<()>().await;
}

#[underscore_route(any, "/panics", name = "evil.panics")]
async fn panics() {
    panic!("{}", evil("panic"));
}

#[underscore_route(any, "/preempted", name = "evil.preempted")]
async fn preempted() {}

fn app() -> Router {
    Router::new()
        .route("/evil/{*rest}", any(waits))
        .route("/panics", any(panics))
        .route("/preempted", any(preempted))
        // Of markup, hyper accepts quotes in a path.
        .route("/quoted\"onerror=ran=1", get(async || "quoted"))
        .layer(RequestLayer::new())
}

/// An address that is printed as it is.
struct Verbatim(String);

impl fmt::Debug for Verbatim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn percent_encoded(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    bytes.concat()
}

/// Starts a request with hostile text in all that a client can write.
async fn hostile_request(service: &Service) -> TcpStream {
    let mut connection = service.connect().await;
    let uri = percent_encoded(MARKUP);
    let head = format!(
        "GET /evil/{uri}\"onerror=ran=1 HTTP/1.1\r\nhost: x\r\nx-opaque-id: {}\r\n\
         x-request-id: {}\r\nuser-agent: {}\r\n\r\n",
        evil("opaque"),
        evil("request"),
        evil("agent"),
    );
    send(&mut connection, &head).await;
    connection
}

/// Writes hostile text wherever a client, an operator or a developer can.
async fn plant(service: &Service) -> Vec<TcpStream> {
    let mut stays = vec![
        hostile_request(service).await,
        hostile_request(service).await,
    ];
    service.wait_for_waiting("evil.waits", 2).await;
    let task = service.tasks("evil.waits").await[0]["id"].clone();
    let reason = percent_encoded(&evil("reason"));
    let path = format!("_tasks/{task}/_cancel?reason={reason}");
    service.post(&path).await.ok_json();
    service.wait_for_waiting("evil.waits", 1).await;
    let nobody = percent_encoded(&evil("target"));
    let path = format!("_routes/{nobody}/interrupt");
    // A pattern that matches no route.
    service.post(&path).await.ok_json();
    let mut connection = service.connect().await;
    talk(
        &mut connection,
        "GET /panics HTTP/1.1\r\nhost: x\r\n\r\n",
        "\n",
    )
    .await;
    service
        .wait_for("evil.panics", "stats.end.panicked", 1)
        .await;
    let mut connection = service.connect().await;
    let head = "GET /quoted\"onerror=ran=1 HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = talk(&mut connection, head, "quoted").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // A field of 8 KB.
    let mut long = service.connect().await;
    let id = "long-".repeat(1600);
    let head = format!("GET /evil/long HTTP/1.1\r\nhost: x\r\nx-opaque-id: {id}\r\n\r\n");
    send(&mut long, &head).await;
    service.wait_for_waiting("evil.waits", 2).await;
    let settings = json!({"transient": {
        "preempt.status": 418,
        "preempt.text": format!("{}\n\u{0}\u{1b}[2J", evil("text")),
        "preempt.headers": {"x-evil": format!("header:{MARKUP}")},
        "preempt.reason": format!("phrase:{MARKUP}"),
    }});
    let path = "_routes/evil.preempted/settings";
    service.put(path, settings).await.ok_json();
    let levels = json!({"transient": {"log:<img>": "debug"}});
    service.put("_logger", levels).await.ok_json();
    stays.push(long);
    stays
}

/// The views of the page with columns that have hostile text, and words that are then shown.
const VIEWS: [(&str, &[&str]); 16] = [
    ("routes", &["/quoted\"onerror=ran=1"]),
    ("tasks", &["await:<img"]),
    (
        "tasks?h=id,uri,x_opaque_id,request_id,name",
        &["opaque:<img", "request:<img", "work:<img"],
    ),
    ("stacks", &["await:<img"]),
    ("waits", &["none"]),
    ("awaits", &["await:<img"]),
    ("workers", &["running"]),
    ("connections", &["remote:<img"]),
    ("ended", &["panic:<img", "reason:<img"]),
    (
        "ended?h=id,uri,x_opaque_id,request_id,interrupted_by,reason",
        &["opaque:<img", "reason:<img"],
    ),
    (
        "audit",
        &[
            "reason:<img",
            "target:<img",
            "text:<img",
            "header:<img",
            "phrase:<img",
        ],
    ),
    ("captures", &["capture_to"]),
    ("events", &["Events"]),
    ("log", &["log:<img>"]),
    (
        "route/evil.preempted",
        &["text:<img", "header:<img", "phrase:<img"],
    ),
    ("route/evil.waits", &["await:<img", "reason:<img"]),
];

/// Views that the API refuses, with a word of the error.
const WRONG_VIEWS: [(&str, &str); 3] = [
    (
        "route/%3Cimg%20src=x%20onerror=ran=1%3E",
        "<img src=x onerror=ran=1>",
    ),
    ("tasks?state=%3Cimg%3E", "<img>"),
    ("tasks?h=%3Cimg%20src=x%20onerror=ran=1%3E", "<img"),
];

/// Asserts that no text has become an element or an attribute, or has run, that none hides, and that
/// none makes the page wider than the window.
async fn assert_inert(browser: &Browser, what: &str) {
    let script = "
        const found = [...document.querySelectorAll('*')].filter(it =>
            ['IMG', 'IFRAME', 'OBJECT', 'STYLE', 'BASE'].includes(it.tagName)
            || (it.tagName === 'SCRIPT' && !it.src.endsWith('_live/live.js'))
            || it.getAttributeNames().some(name => name.startsWith('on'))
            || /^\\s*(javascript|data|vbscript):./i.test(it.getAttribute('href') ?? '')
               && it.rel !== 'icon');
        const hidden = /[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u202a-\\u202e\\u2066-\\u2069]/;
        return {
            found: found.map(it => it.outerHTML.slice(0, 200)),
            hidden: document.documentElement.textContent.match(hidden)?.[0].codePointAt(0) ?? null,
            ran: window.ran ?? null,
            isWide: document.documentElement.scrollWidth > innerWidth,
        };";
    let expected = json!({"found": [], "hidden": null, "ran": null, "isWide": false});
    let found = browser.execute(script, json!([])).await;
    assert_eq!(found, expected, "{what}");
}

/// Holds 17.4, 17.7 of docs/admin-api.md.
#[tokio::test]
async fn hostile_text_stays_text_in_every_view() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let service = Service::start(app()).await;
    log::install();
    let _stays = plant(&service).await;
    let _work = spawn(evil("work"), std::future::pending::<()>());
    let (_client, server) = duplex(64);
    let _connection = track_connection(server, &Verbatim(evil("remote")));
    let bridge = Bridge::start(&service.directory.path().join("app.sock")).await;
    // Without the policy, which would stop a script that text has become, and with it.
    for (bypasses_policy, width) in [(true, 390), (false, 1280)] {
        let bypass = json!({"enabled": bypasses_policy});
        browser.cdp("Page.setBypassCSP", bypass).await;
        browser.set_width(width).await;
        browser.open("about:blank").await;
        for (view, shown) in VIEWS {
            browser.open(&bridge.url(&format!("/_live#/{view}"))).await;
            for text in shown {
                browser.wait_for_text(text).await;
            }
            assert_inert(&browser, view).await;
        }
        let task = service.tasks("evil.waits").await[0]["id"].clone();
        assert_dialogs_inert(&browser, &bridge, &task).await;
        assert_profile_inert(&browser, &bridge).await;
        browser.assert_no_errors().await;
        for (view, shown) in WRONG_VIEWS {
            browser.open(&bridge.url(&format!("/_live#/{view}"))).await;
            browser.wait_for_text(shown).await;
            assert_inert(&browser, view).await;
        }
        assert_only_refused(&browser).await;
    }
}

/// The dialogs of a route with hostile settings, and of a hostile task.
async fn assert_dialogs_inert(browser: &Browser, bridge: &Bridge, task: &Value) {
    let preempted = "route/evil.preempted".to_owned();
    for (view, button) in [
        (preempted.clone(), "Change settings…"),
        (preempted, "Interrupt…"),
        (format!("task/{task}"), "Cancel…"),
    ] {
        browser.open(&bridge.url(&format!("/_live#/{view}"))).await;
        browser.find("button", button).await.click().await;
        browser.wait_for_text("Dry run").await;
        assert_inert(browser, button).await;
        browser.press(&[Key::Escape]).await;
    }
}

async fn assert_profile_inert(browser: &Browser, bridge: &Bridge) {
    let view = "profile?seconds=1&routes=evil.waits";
    browser.open(&bridge.url(&format!("/_live#/{view}"))).await;
    browser.find("button", "Profile").await.click().await;
    browser.wait_for_text("Heaviest stacks").await;
    browser.wait_for_text("await:<img").await;
    assert_inert(browser, view).await;
}

/// Asserts that nothing has failed but requests that the API refuses.
async fn assert_only_refused(browser: &Browser) {
    let mut log = browser.log().await;
    log.retain(|entry| entry.level == "SEVERE" && entry.source != "network");
    assert!(log.is_empty(), "{log:#?}");
}

/// Addresses that name no view, and would lead the page elsewhere.
const LINKS: [&str; 6] = [
    "constructor",
    "__proto__",
    "route/%",
    "route",
    "task/..%2F_routes%2Fevil.waits%2Finterrupt%3F",
    "task/1%2F..%2F..%2F_routes%2Fevil.waits%2Finterrupt%3F",
];

/// Holds 17.5 of docs/admin-api.md.
#[tokio::test]
async fn a_link_to_the_page_leads_to_no_other_request() {
    own_process!();
    let Some(browser) = Browser::start(&Options::default()).await else {
        return;
    };
    let service = Service::start(app()).await;
    let _stays = hostile_request(&service).await;
    service.wait_for_waiting("evil.waits", 1).await;
    let bridge = Bridge::start(&service.directory.path().join("app.sock")).await;
    for link in LINKS {
        browser.open("about:blank").await;
        browser.open(&bridge.url(&format!("/_live#/{link}"))).await;
        browser.wait_for_text("as of now").await;
        let sent = "return performance.getEntriesByType('resource')
            .map(entry => new URL(entry.name).pathname)
            .filter(path => path.includes('/interrupt'));";
        let sent = browser.execute(sent, json!([])).await;
        assert_eq!(sent, json!([]), "{link}");
        assert_only_refused(&browser).await;
    }
}

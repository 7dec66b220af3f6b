//! A page of another origin, and one that uses DNS rebinding, tries all that a page can to read
//! from the API and to change something. Against a careless server the same attempts succeed.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::Response;
use axum::http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HeaderMap,
    ORIGIN,
};
use axum::response::{Html, IntoResponse};
use axum::routing::{any, get};
use serde_json::{Value, json};
use underscore_runtime::underscore_route;

use crate::bridge::Bridge;
use crate::browser::{Browser, Options};
use crate::site::Site;
use crate::support::Service;

/// The text that no page may read: the path of a request in flight.
const SECRET: &str = "/kept-secret";

/// Answers that contain it.
const PATHS: [&str; 4] = ["/_cat/tasks?h=path", "/_tasks", "/_routes", "/_metrics"];

/// The page, its files and its events, which no other page may use.
const PAGE: [&str; 4] = [
    "/_live",
    "/_live/live.js",
    "/_live/live.css",
    "/_events?follow=true&format=sse",
];

#[underscore_route(name = "live.kept")]
async fn kept() {
    std::future::pending::<()>().await;
}

/// Names that lead to loopback. The API accepts `box`, as a name without dots, and browsers do not
/// send `Sec-Fetch-Site` to it.
const HOST_RULES: &str = "MAP evil.test 127.0.0.1, MAP box 127.0.0.1";

async fn browser() -> Option<Browser> {
    let options = Options {
        host_rules: HOST_RULES,
        ..Options::default()
    };
    Browser::start(&options).await
}

/// A site whose page makes the attempts.
async fn attacker() -> Site {
    const PAGE: &str = concat!(
        "<!doctype html><title>Cats</title><body><script>",
        include_str!("attempts.js"),
        "</script>"
    );
    Site::start(Router::new().route("/", get(async || Html(PAGE)))).await
}

/// A service with a request that stays in flight.
async fn service() -> Service {
    let service = Service::start(Router::new().route(SECRET, get(kept))).await;
    service.send_and_wait(SECRET);
    service.wait_for_waiting("live.kept", 1).await;
    for path in PATHS {
        let answer = service.admin(path.trim_start_matches('/')).await.text;
        assert!(answer.contains(SECRET), "{path}: {answer}");
    }
    service
}

async fn bridge(service: &Service) -> Bridge {
    Bridge::start(&service.directory.path().join("app.sock")).await
}

/// Makes each attempt of a list in the page, with the URL that `url` has for it, and returns what
/// was read, `None` if the page was refused.
async fn attempt(
    browser: &Browser,
    list: &str,
    url: impl Fn(&str) -> String,
) -> BTreeMap<String, Option<String>> {
    let names = format!("return Object.keys({list});");
    let names = browser.execute(&names, json!([])).await;
    let names: Vec<String> = serde_json::from_value(names).expect("a list of names");
    assert!(names.len() > 3, "{names:?}");
    let script = format!(
        "const [name, url] = arguments;
         return (async () => {list}[name](url))().then(String, error => null);"
    );
    let mut outcomes = BTreeMap::new();
    for name in names {
        let arguments = json!([name, url(&name)]);
        let outcome = browser.execute(&script, arguments).await;
        outcomes.insert(name, outcome.as_str().map(str::to_owned));
    }
    outcomes
}

/// What the page learns from the timing of the requests to `origin`: their status and sizes.
async fn timings(browser: &Browser, origin: &str) -> Vec<Value> {
    let script = "return performance.getEntriesByType('resource')
        .filter(entry => entry.name.startsWith(arguments[0]))
        .filter(entry => entry.responseStatus || entry.encodedBodySize || entry.contentType)
        .map(entry => entry.toJSON());";
    let found = browser.execute(script, json!([origin])).await;
    found.as_array().expect("a list").clone()
}

/// Asserts that no frame of the page shows anything of `origin`, which a person could click without
/// knowing.
async fn assert_nothing_framed(browser: &Browser, origin: &str) {
    let count = browser.execute("return window.length;", json!([])).await;
    let count = u16::try_from(count.as_u64().expect("a number")).expect("a few");
    assert!(count > 2, "the attempts have made frames");
    for frame in 0..count {
        let url = browser.url_of_frame(frame).await;
        assert!(!url.starts_with(origin), "{url}");
    }
}

/// Makes all attempts at changes, with `suffix` in their reasons, and waits until the requests of
/// those of `expected` are refused in the audit.
async fn attempt_changes(browser: &Browser, service: &Service, target: &str, suffix: &str) {
    let interrupt = format!("{target}/_routes/live.kept/interrupt?reason=");
    let url = |name: &str| format!("{interrupt}{name}-{suffix}");
    let changes = attempt(browser, "changes", url).await;
    let settings = |name: &str| match name {
        "put" => format!("{target}/_routes/live.kept/settings"),
        _ => url(name),
    };
    attempt(browser, "preflighted", settings).await;
    let expected = changes.keys().map(|name| format!("{name}-{suffix}"));
    for reason in expected {
        let refused = async || {
            let audit = service.admin_json("_cat/audit?format=json&h=*").await;
            let rows = audit.as_array().expect("a table");
            let row = rows.iter().find(|row| row["reason"] == *reason)?;
            assert_eq!(row["status"], 403, "{row:#}");
            Some(())
        };
        browser
            .until(&format!("a record of {reason}"), refused)
            .await;
    }
    assert_unchanged(service, suffix).await;
}

async fn assert_unchanged(service: &Service, suffix: &str) {
    let audit = service.admin_json("_cat/audit?format=json&h=*").await;
    for row in audit.as_array().expect("a table") {
        let reason = row["reason"].as_str().unwrap_or_default();
        let is_attempt = reason.ends_with(suffix) || row["target"] == "live.kept";
        assert!(!is_attempt || row["status"] == 403, "{row:#}");
    }
    let tasks = service.tasks("live.kept").await;
    assert_eq!(tasks.len(), 1, "{tasks:#?}");
    let settings = service.admin_json("_routes/live.kept/settings").await;
    let settings = settings.as_object().expect("an object").values();
    for settings in settings {
        assert_eq!(settings["transient"], json!({}));
    }
}

/// Holds 8.2, 8.3, 8.4, 8.5, 17.8 of docs/admin-api.md.
#[tokio::test]
async fn a_page_of_another_origin_reads_and_changes_nothing() {
    let Some(browser) = browser().await else {
        return;
    };
    let service = service().await;
    let (attacker, bridge) = (attacker().await, bridge(&service).await);
    for (from, to) in [
        // Another port of the same site.
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("evil.test", "127.0.0.1"),
        ("evil.test", "box"),
    ] {
        browser.open(&attacker.url(from, "/")).await;
        let target = format!("http://{to}:{}", bridge.port());
        for path in PATHS.into_iter().chain(PAGE) {
            let outcomes = attempt(&browser, "reads", |_| format!("{target}{path}")).await;
            for (name, read) in outcomes {
                assert_eq!(read, None, "{name} from {from} to {to}{path}");
            }
        }
        assert_eq!(timings(&browser, &target).await, [Value::Null; 0]);
        attempt_changes(&browser, &service, &target, &format!("from-{from}-to-{to}")).await;
        assert_nothing_framed(&browser, &target).await;
    }
}

/// Holds 8.1, 8.5 of docs/admin-api.md.
#[tokio::test]
async fn dns_rebinding_reads_and_changes_nothing() {
    let Some(browser) = browser().await else {
        return;
    };
    let service = service().await;
    let attacker = attacker().await;
    let target = attacker.url("evil.test", "");
    browser.open(&attacker.url("evil.test", "/")).await;
    // From now on, the page's own name and port lead to the API.
    let address = attacker.address;
    attacker.stop().await;
    let socket = service.directory.path().join("app.sock");
    let _bridge = Bridge::start_at(address, &socket).await;
    for path in PATHS {
        let outcomes = attempt(&browser, "reads", |_| format!("{target}{path}")).await;
        let fetched = outcomes["fetch"].as_deref().expect("its own origin");
        assert!(fetched.contains("security_exception"), "{fetched}");
        for (name, read) in outcomes {
            let read = read.unwrap_or_default();
            assert!(!read.contains(SECRET), "{name} of {path}: {read}");
        }
    }
    attempt_changes(&browser, &service, &target, "rebound").await;
    assert_nothing_framed(&browser, &target).await;
}

/// Holds 8.3, 8.4 of docs/admin-api.md.
#[tokio::test]
async fn a_page_of_the_api_itself_may_read() {
    let Some(browser) = browser().await else {
        return;
    };
    let service = service().await;
    let bridge = bridge(&service).await;
    let script = "return fetch(arguments[0]).then(answer => answer.text(), error => null);";
    let path = json!([PATHS[0]]);
    browser.open(&bridge.url(PATHS[0])).await;
    browser.wait_for_text(SECRET).await;
    // The policy of an answer that is not a page.
    let read = browser.execute(script, path.clone()).await;
    assert_eq!(read, Value::Null);
    let bypass = json!({"enabled": true});
    browser.cdp("Page.setBypassCSP", bypass).await;
    browser.open(&bridge.url(PATHS[0])).await;
    let read = browser.execute(script, path).await;
    let read = read.as_str().expect("it may fetch");
    assert!(read.contains(SECRET), "{read}");
}

/// An answer that any page may read, of the type that the request is for.
async fn careless(
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response<Body> {
    if let Ok(upgrade) = upgrade {
        return upgrade.on_upgrade(async |mut socket| {
            // The page closes it.
            let _ = socket.send(Message::text(SECRET)).await;
        });
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (content_type, body) = match header("sec-fetch-dest") {
        Some("script") => ("text/javascript", "export default '/kept-secret';"),
        Some("style") => ("text/css", ""),
        Some("image") => ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        _ if header(ACCEPT.as_str()) == Some("text/event-stream") => {
            ("text/event-stream", "data: /kept-secret\n\n")
        }
        _ => ("text/html", SECRET),
    };
    let origin = header(ORIGIN.as_str()).unwrap_or("*").to_owned();
    let headers = [
        (CONTENT_TYPE, content_type.to_owned()),
        (ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true".to_owned()),
    ];
    (headers, body).into_response()
}

/// Shows that the attempts fail because of the API, and not because of a mistake in them.
#[tokio::test]
async fn a_careless_server_is_read() {
    let Some(browser) = browser().await else {
        return;
    };
    let attacker = attacker().await;
    let careless = Site::start(Router::new().fallback(any(careless))).await;
    browser.open(&attacker.url("evil.test", "/")).await;
    let url = careless.url("127.0.0.1", "/");
    let outcomes = attempt(&browser, "reads", |_| url.clone()).await;
    let (read, refused): (Vec<_>, Vec<_>) =
        outcomes.iter().partition(|(_, outcome)| outcome.is_some());
    assert_eq!(read.len(), 9, "{outcomes:#?}");
    let refused: Vec<&str> = refused.iter().map(|(name, _)| &***name).collect();
    // What no server can allow.
    assert_eq!(
        refused,
        ["fetch without cors", "iframe", "object", "window"]
    );
    assert!(!timings(&browser, &url).await.is_empty());
}

//! Levels of targets: what they show and hide, for how long, and their record.

use std::time::{Duration, Instant};

use axum::Router;
use reqwest::Method;
use serde_json::{Value, json};

use crate::memory::Memory;
use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};

/// The time that the level of a target lasts.
const LASTS: Duration = Duration::from_secs(3);

/// Writes a debug event for the targets of a database and of its neighbours.
fn debug(what: &str) {
    tracing::debug!(target: "sqlx::query", "sqlx::query {what}");
    tracing::debug!(target: "my_app::db", "my_app::db {what}");
    tracing::debug!(target: "hyper::proto", "hyper::proto {what}");
}

async fn put(service: &Service, body: Value) -> Value {
    service.put("_logger", body).await.ok_json()
}

/// Waits until no target has a level.
async fn wait_for_expiry(service: &Service) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shown = service.admin_json("_logger").await;
        if shown["transient"] == json!({}) {
            return shown;
        }
        assert!(Instant::now() < deadline, "{shown:#}");
    }
}

/// Holds 1.90, 1.94, 18.1, 18.2, 18.10, 18.11, 18.16 of docs/admin-api.md.
#[tokio::test]
async fn a_target_is_logged_until_its_level_expires() {
    own_process!();
    let log = Memory::install("info");
    let service = Service::start(Router::new()).await;
    debug("before");
    let body = json!({"transient": {"sqlx": "debug"}, "expires_in": "3s"});
    let begin = Instant::now();
    let shown = put(&service, body).await;
    debug("during");
    assert_eq!(shown["transient"], json!({"sqlx": "debug"}));
    assert!(shown["expires_in"].is_string(), "{shown:#}");
    assert_eq!(shown["max_level"], "debug");
    assert_eq!(shown["static_max_level"], "trace");
    assert_eq!(shown["filters"][0]["base"], "info");
    let made_at = shown["filters"][0]["made_at"].as_str().expect("a place");
    assert!(made_at.contains("logger/memory.rs:"), "{made_at}");

    while begin.elapsed() < LASTS {
        let now = format!("after {} ms", begin.elapsed().as_millis());
        debug(&now);
        let is_logged = log.has(&format!("sqlx::query {now}"));
        assert!(is_logged || begin.elapsed() >= LASTS, "{now}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let shown = wait_for_expiry(&service).await;
    assert!(begin.elapsed() >= LASTS);
    debug("afterwards");
    assert_eq!(shown["expires_in"], Value::Null);
    assert_eq!(shown["max_level"], "info");
    let lines = log.text();
    assert!(lines.contains("sqlx::query during"), "{lines}");
    for hidden in ["before", "afterwards", "my_app::db", "hyper::proto"] {
        assert!(
            !lines.contains(&format!("{hidden} ")) && !lines.contains(&format!("query {hidden}")),
            "{hidden}: {lines}"
        );
    }

    let audit = service.admin_json("_audit").await;
    let [expired, set] = &audit["audit"].as_array().expect("records")[..] else {
        panic!("{audit:#}");
    };
    assert_eq!(
        (&set["action"], &set["status"]),
        (&json!("log"), &json!(200))
    );
    assert_eq!(set["before"], r#"{"transient":{}}"#);
    let after = set["after"].as_str().expect("a text");
    assert!(
        after.starts_with(r#"{"transient":{"sqlx":"debug"},"expires_in":""#),
        "{after}"
    );
    assert_eq!(expired["action"], "expire");
    assert_eq!(
        (&expired["target"], &expired["before"]),
        (&json!("_logger"), &json!("sqlx"))
    );
    log.wait_for("action=\"expire\"").await;
}

/// Holds 18.2, 18.3, 18.4 of docs/admin-api.md.
#[tokio::test]
async fn a_level_acts_like_a_directive_beside_those_of_the_service() {
    own_process!();
    let log = Memory::install("debug,hyper::proto=info,my_app=debug");
    let service = Service::start(Router::new()).await;
    debug("by the base");
    assert!(log.has("sqlx::query by the base") && log.has("my_app::db by the base"));
    assert!(!log.has("hyper::proto by the base"));

    put(
        &service,
        json!({"transient": {"my_app::db": "off", "sql": "warn"}}),
    )
    .await;
    debug("lowered");
    tracing::warn!(target: "sqlx::query", "a slow query");
    assert!(
        !log.has("lowered") && log.has("a slow query"),
        "{}",
        log.text()
    );

    // The base has a longer target than each of these.
    put(
        &service,
        json!({"transient": {"hyper": "debug", "*": "trace", "my": "off"}}),
    )
    .await;
    debug("shorter");
    tracing::trace!(target: "tower", "of all targets");
    tracing::debug!(target: "my_app::api", "of the base");
    assert!(!log.has("hyper::proto shorter") && !log.has("sqlx::query shorter"));
    assert!(
        log.has("of all targets") && log.has("of the base"),
        "{}",
        log.text()
    );

    let shown = put(&service, json!({"transient": {"sql": null}})).await;
    debug("of all");
    assert!(log.has("sqlx::query of all"));
    let left = json!({"*": "trace", "hyper": "debug", "my": "off", "my_app::db": "off"});
    assert_eq!(shown["transient"], left);

    let shown = put(&service, json!({"transient": null})).await;
    assert_eq!(shown["transient"], json!({}));
    debug("reset");
    assert!(log.has("my_app::db reset") && !log.has("hyper::proto reset"));
}

/// Holds 18.5, 18.12 of docs/admin-api.md.
#[tokio::test]
async fn a_dry_run_shows_the_levels_and_overlapping_changes_expire_apart() {
    own_process!();
    let log = Memory::install("info");
    let service = Service::start(Router::new()).await;
    let body = json!({"transient": {"sqlx": "debug", "my_app": "trace"}, "expires_in": "1h"});
    let dry = service.put("_logger?dry_run", body).await.ok_json();
    assert_eq!(dry["dry_run"], true);
    assert_eq!(
        dry["transient"],
        json!({"sqlx": "debug", "my_app": "trace"})
    );
    debug("dry");
    assert!(!log.has("dry"));
    assert_eq!(service.admin_json("_audit").await["audit"], json!([]));
    let refused = service
        .put("_logger?dry_run", json!({"transient": {"sqlx": "loud"}}))
        .await;
    assert_eq!(refused.status, 400);

    put(&service, json!({"transient": {"sqlx": "debug"}})).await;
    let shown = put(
        &service,
        json!({"transient": {"sqlx": "off"}, "expires_in": "1h"}),
    )
    .await;
    assert!(shown["expires_in"].is_string(), "{shown:#}");
    let shown = put(&service, json!({"transient": {"my_app": "warn"}})).await;
    assert!(shown["expires_in"]["sqlx"].is_string(), "{shown:#}");
    put(
        &service,
        json!({"transient": {"sqlx": "warn"}, "expires_in": "100ms"}),
    )
    .await;
    let deadline = Instant::now() + PATIENCE;
    while service.admin_json("_logger").await["transient"]["sqlx"] != "off" {
        assert!(Instant::now() < deadline);
    }
}

/// Holds 18.17 of docs/admin-api.md.
#[tokio::test]
async fn a_level_can_be_changed_from_within_the_service() {
    own_process!();
    let log = Memory::install("info");
    let app = Router::new().nest("/ops", underscore_runtime::admin_router());
    let service = Service::start(app).await;
    let body = json!({"transient": {"sqlx": "debug"}}).to_string();
    let put = service.request(Method::PUT, "/ops/_logger").body(body);
    let put = put.header("content-type", "application/json").send().await;
    assert_eq!(put.expect("an answer").status(), 200);
    debug("now");
    assert!(log.has("sqlx::query now"));
    let text = service.admin("_logger?format=yaml").await.text;
    assert!(text.contains("sqlx: debug"), "{text}");
}

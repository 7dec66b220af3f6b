//! Levels that cannot have an effect, and bodies that are refused.

use axum::Router;
use serde_json::{Map, Value, json};
use underscore_runtime::{AdminBuilder, underscore_route};

use crate::memory::Memory;
use crate::support::Service;
use crate::support::process::own_process;

#[underscore_route(name = "refused")]
async fn refused() {}

/// Holds 18.8 of docs/admin-api.md.
#[tokio::test]
async fn without_a_filter_a_level_is_refused_with_the_line_to_add() {
    own_process!();
    let directory = tempfile::tempdir().expect("a directory");
    crate::support::narrow_umask();
    let admin = AdminBuilder::new().settings_file(directory.path().join("settings.json"));
    let service = Service::start_with(Router::new(), &admin).await;
    for (path, body) in [
        ("_logger", json!({"transient": {"sqlx": "debug"}})),
        ("_logger?dry_run", json!({"transient": {"sqlx": "off"}})),
        (
            "_routes/refused/settings",
            json!({"transient": {"log": "debug"}}),
        ),
        (
            "_routes/refused/settings?dry_run",
            json!({"transient": {"log": "debug"}}),
        ),
        (
            "_routes/refused/settings",
            json!({"persistent": {"log": "debug"}}),
        ),
    ] {
        let answer = service.put(path, body).await;
        let (kind, reason) = answer.error();
        assert_eq!(
            (answer.status, &*kind),
            (409, "illegal_state_exception"),
            "{path}"
        );
        let line = "with_filter(underscore_runtime::log_filter(EnvFilter::from_default_env()))";
        assert!(reason.contains(line), "{reason}");
    }
    for (path, body) in [
        ("_logger", json!({"transient": {"sqlx": null}})),
        ("_logger", json!({"transient": null})),
        ("_logger", json!({})),
        (
            "_routes/refused/settings",
            json!({"transient": {"log": null}}),
        ),
    ] {
        service.put(path, body).await.ok_json();
    }
    let shown = service.admin_json("_logger").await;
    assert_eq!(
        (&shown["filters"], &shown["routes"]),
        (&json!([]), &json!({}))
    );
}

/// Holds 18.6, 18.7, 18.21 of docs/admin-api.md.
#[tokio::test]
async fn hostile_bodies_change_nothing() {
    own_process!();
    let _log = Memory::install("info");
    let service = Service::start(Router::new()).await;
    let many = |count: usize| -> Map<String, Value> {
        let level = |number| (format!("target_{number}"), json!("debug"));
        (0..count).map(level).collect()
    };
    service
        .put("_logger", json!({"transient": many(63)}))
        .await
        .ok_json();
    let before = service.admin_json("_logger").await;
    for (body, named) in [
        (
            json!({"transient": {"a": "debug", "b": "debug"}}),
            "at most 64 targets",
        ),
        (
            json!({"transient": {"ok": "debug", "b": "loud"}}),
            "[transient.b] must be one of off",
        ),
        (
            json!({"transient": {"a".repeat(100_000): "debug"}}),
            "at most 256 bytes, not 100000",
        ),
        (
            json!({"transient": {"a\u{0}b": "debug"}}),
            "must be the beginning of targets",
        ),
        (
            json!({"transient": {"\u{1b}[31m": "debug"}}),
            "must be the beginning of targets",
        ),
        (
            json!({"transient": {"a,b=trace": "debug"}}),
            "must be the beginning of targets",
        ),
        (
            json!({"transient": [["sqlx", "debug"]]}),
            "section [transient] must be an object",
        ),
        (json!({"persistent": {"sqlx": "debug"}}), "RUST_LOG"),
        (
            json!({"transient": {"a": "off"}, "expires_in": "soon"}),
            "[expires_in] must be",
        ),
    ] {
        let answer = service.put("_logger", body).await;
        let (_, reason) = answer.error();
        assert_eq!(answer.status, 400, "{reason}");
        assert!(reason.contains(named), "{reason}");
        assert!(!answer.text.contains('\u{1b}') && answer.text.len() < 2_000);
    }
    assert_eq!(service.admin_json("_logger").await, before);
    service
        .put("_logger", json!({"transient": {"last": "debug"}}))
        .await
        .ok_json();

    let body = json!({"transient": {"last": "debug"}, "expires_in": "1h"});
    let mut put = service.put("_logger", body.clone()).await;
    for _ in 0..256 {
        put.ok_json();
        put = service.put("_logger", body.clone()).await;
    }
    let (_, reason) = put.error();
    assert!(reason.contains("at most 256 pending changes"), "{reason}");
    let (_, reason) = service.post("_logger").await.error();
    assert!(reason.contains("PUT"), "{reason}");
}

//! Settings that refuse requests, and a settings file that is not in force.

use axum::Router;
use reqwest::StatusCode;
use serde_json::json;
use underscore_runtime::{AdminBuilder, RouterExt as _, underscore_route};

use crate::support::process::own_process;
use crate::support::{Service, narrow_umask};
use crate::{health, text, wait_for, wait_for_green};

#[underscore_route(get, "/orders", name = "orders")]
async fn orders() {}

#[underscore_route(get, "/limited", name = "limited")]
async fn limited() {}

/// Holds 14.16 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_is_a_finding_while_it_refuses_requests() {
    own_process!();
    let service = Service::start(Router::new().mount(orders).mount(limited)).await;
    service.get("/orders").await;
    let preempt = json!({"transient": {"preempt": {"status": 503}}, "expires_in": "5m"});
    service
        .put("_routes/orders/settings", preempt)
        .await
        .ok_json();
    service.set("limited", "limit.active", 1_000).await;
    for _ in 0..10 {
        assert_eq!(service.get("/limited").await.status, StatusCode::OK);
    }
    assert_eq!(
        health(&service).await[0]["status"],
        "green",
        "it refuses none"
    );

    for _ in 0..3 {
        assert_eq!(service.get("/orders").await.status, 503);
    }
    let shed = wait_for(&service, |row| row["symptom"] == "shed").await;
    assert_eq!(health(&service).await.len(), 1, "the limit refuses none");
    assert_eq!(
        (&shed["status"], &shed["subject"]),
        (&"yellow".into(), &"/orders".into())
    );
    let evidence = text(&shed, "evidence");
    let begin =
        "3 of 4 requests refused in the last minute by preempt.status 503, for another 4.9m";
    assert!(evidence.starts_with(begin), "{evidence}");
    let who = format!(", uid {}, pid {}, ", uid(), std::process::id());
    assert!(
        evidence.contains("; set by ") && evidence.contains(&who),
        "{evidence}"
    );
    assert!(evidence.ends_with(" ago"), "{evidence}");
    assert_eq!(shed["next"], "GET /_routes/orders/settings");
    service.set("orders", "preempt.status", json!(null)).await;
    wait_for_green(&service).await;
}

fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Holds 14.17 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settings_file_that_is_not_in_force_is_a_finding() {
    own_process!();
    narrow_umask();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("settings.json");
    std::fs::write(&path, "{}").expect("written");
    let admin = AdminBuilder::new().settings_file(&path);
    let service = Service::start_with(Router::new(), &admin).await;
    assert_eq!(health(&service).await[0]["status"], "green");
    std::fs::write(&path, "{\"routes\": \u{1b}[31m").expect("written");
    let found = wait_for(&service, |row| row["symptom"] == "settings file").await;
    assert_eq!(found["status"], "yellow");
    assert!(
        path.to_string_lossy().starts_with(text(&found, "subject")),
        "{found:#}"
    );
    assert!(
        text(&found, "evidence").starts_with("its content is not in force: "),
        "{found:#}"
    );
    let table = service.admin("_cat/health?v").await.text;
    assert!(!table.contains('\u{1b}'), "{table:?}");
    std::fs::write(&path, "{}\n").expect("written");
    wait_for_green(&service).await;
}

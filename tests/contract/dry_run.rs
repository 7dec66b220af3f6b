//! `?dry_run` validates a change and reports what it would affect, without making it.

use std::sync::LazyLock;

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::Notify;
use underscore_runtime::underscore_route;

use crate::support::Service;
use crate::support::process::own_process;
use crate::support::sentences::NEEDS_A_SETTINGS_FILE;

static GO_ON: LazyLock<Notify> = LazyLock::new(Notify::new);

#[underscore_route(name = "waits")]
async fn waits() {
    GO_ON.notified().await;
}

#[underscore_route(name = "answers")]
async fn answers() {}

async fn start() -> Service {
    let app = Router::new()
        .route("/", get(waits))
        .route("/answers", get(answers));
    Service::start(app).await
}

async fn audited(service: &Service) -> usize {
    let rows = service.admin_json("_cat/audit?format=json").await;
    rows.as_array().expect("a table").len()
}

// One test, because both parts read the requests of the last minute.
/// Holds 4.62, 4.63, 4.64 of docs/admin-api.md.
#[tokio::test]
async fn a_dry_run_reports_the_affected_requests_and_changes_nothing() {
    own_process!();
    let service = start().await;
    let id = service.route("waits").await["id"].clone();
    let id = id.as_str().expect("an id");
    let settings = "_routes/waits/settings";
    let body = json!({"transient": {"preempt": {"status": 503}}, "expires_in": "9m"});

    let nobody = service
        .put(&format!("{settings}?dry_run"), body.clone())
        .await
        .ok_json();
    assert_eq!(
        nobody["would_hit"],
        json!({"tasks": 0, "share_1m": null}),
        "there was no request yet"
    );

    let _requests = [
        service.send_get().await,
        service.send_get().await,
        service.send_get().await,
    ];
    service.wait_for_waiting("waits", 3).await;
    service.get("/answers").await;
    let before = service.admin_json(settings).await;
    let answer = service
        .put(&format!("{settings}?dry_run"), body.clone())
        .await
        .ok_json();
    let hit = json!({"tasks": 3, "share_1m": 0.75});
    assert_eq!(answer["dry_run"], true);
    assert_eq!(answer["would_hit"], hit);
    let route = &answer["routes"][id];
    assert_eq!(route["transient"], json!({"preempt": {"status": 503}}));
    assert_eq!(route["would_hit"], hit);
    let left = route["expires_in"].as_str().expect("what is left");
    assert!(left.starts_with("8.") || left == "9m", "{left}");
    assert_eq!(service.admin_json(settings).await, before);

    let all = service
        .put("_routes/_all/settings?dry_run", body.clone())
        .await
        .ok_json();
    assert_eq!(all["would_hit"], json!({"tasks": 3, "share_1m": 1.0}));
    let routes = service.admin_json("_routes").await;
    let count = |routes: &Value| routes.as_object().map(serde_json::Map::len);
    assert_eq!(count(&all["routes"]), count(&routes));

    let answer = service.post("_routes/waits/interrupt?dry_run").await;
    let answer = answer.ok_json();
    assert_eq!(answer["would_hit"], hit);
    let tasks = answer["tasks"].as_object().expect("tasks");
    assert_eq!(tasks.len(), 3);
    assert!(tasks.values().all(|state| state == "waiting"), "{answer}");
    let some = tasks.keys().next().expect("a task");
    let advice = answer["advice"].as_str().expect("a text");
    assert!(
        advice.ends_with(&format!("try one first: POST /_tasks/{some}/_cancel")),
        "{advice}"
    );
    let cancel = format!("_tasks/{some}/_cancel?dry_run");
    let answer = service.post(&cancel).await.ok_json();
    assert_eq!(answer["would_hit"]["tasks"], 1);
    assert_eq!(answer["would_hit"]["share_1m"], Value::Null);
    let answer = service.post("_tasks/_cancel?routes=waits&dry_run").await;
    assert_eq!(answer.ok_json()["would_hit"]["tasks"], 3);

    let row = service.wait_for("waits", "stats.req.active", 3).await;
    assert_eq!(row["stats.end.interrupted"], 0);
    assert_eq!(row["preempt"], Value::Null);
    assert_eq!(
        audited(&service).await,
        0,
        "who only looks leaves no record"
    );

    // An invalid change is refused.
    let wrong = json!({"transient": {"preempt": {"status": 99}}});
    let refused = service.put(&format!("{settings}?dry_run"), wrong).await;
    assert_eq!(refused.status, 400);
    let refused = service
        .put("_routes/wait/settings?dry_run", body.clone())
        .await;
    assert_eq!(refused.status, 404);
    let refused = service.post("_routes/wait/interrupt?dry_run").await;
    assert_eq!(refused.status, 404);
    let persistent = json!({"persistent": {"timeout": "1s"}});
    let refused = service
        .put(&format!("{settings}?dry_run"), persistent)
        .await;
    assert!(refused.error().1.contains(NEEDS_A_SETTINGS_FILE));
    assert_eq!(audited(&service).await, 0);

    // `dry_run=false` makes the change.
    service
        .put(&format!("{settings}?dry_run=false"), body)
        .await
        .ok_json();
    assert_eq!(service.get("/").await.status, 503);
    assert_eq!(audited(&service).await, 1);
}

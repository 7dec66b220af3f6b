//! The audit as a table: columns, order and retention. The content of a record is in `audit.rs`.

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use underscore_runtime::underscore_route;

use crate::support::Service;
use crate::support::process::own_process;
use crate::support::sentences::did_you_mean;

#[underscore_route(name = "tabled")]
async fn watched() {}

async fn service() -> Service {
    Service::start(Router::new().route("/", get(watched))).await
}

/// All records with all columns, newest first.
async fn records(service: &Service) -> Vec<Value> {
    let rows = service.admin_json("_cat/audit?format=json&h=*").await;
    rows.as_array().expect("a table").clone()
}

async fn put(service: &Service, target: &str, transient: Value) -> u16 {
    let body = json!({"transient": transient});
    let path = format!("_routes/{target}/settings");
    service.put(&path, body).await.status
}

/// Holds 1.7, 3.14 of docs/admin-api.md.
#[tokio::test]
async fn the_audit_has_the_options_of_the_other_tables() {
    own_process!();
    let service = service().await;
    for target in ["b1", "b2", "b0"] {
        assert_eq!(put(&service, target, json!({})).await, 404);
    }
    let page = |query: &str| format!("_cat/audit?{query}");
    let text = service.admin(&page("h=target,status&size=3")).await.text;
    assert_eq!(text, "b0 404\nb2 404\nb1 404\n", "newest first");
    let typed = service
        .admin_json(&page("format=json&size=1&h=uid,pid,status,time,before"))
        .await;
    let row = &typed[0];
    for column in ["uid", "pid", "status", "time"] {
        assert!(row[column].is_u64(), "{column}: {row}");
    }
    assert!(row["before"].is_null(), "{row}");

    let sorted = service
        .admin_json(&page("format=json&h=t&s=t:desc,time"))
        .await;
    let targets: Vec<&str> = sorted
        .as_array()
        .expect("a table")
        .iter()
        .filter_map(|row| row["t"].as_str())
        .collect();
    assert!(targets.is_sorted_by(|a, b| a >= b), "{targets:?}");
    let first = service.admin(&page("v&size=1")).await.text;
    let heading: Vec<&str> = first
        .lines()
        .next()
        .expect("a heading")
        .split_whitespace()
        .collect();
    let shown = [
        "timestamp",
        "uid",
        "pid",
        "process",
        "action",
        "target",
        "reason",
        "status",
    ];
    assert_eq!(heading, shown);
    let timeless = service.admin(&page("v&size=1&h=*&ts=false")).await.text;
    assert!(timeless.starts_with("uid "), "{timeless}");
    assert!(!timeless.contains("time"), "{timeless}");

    let help = service.admin(&page("help")).await.text;
    let names: Vec<&str> = help
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let columns = [
        "timestamp",
        "time",
        "uid",
        "gid",
        "pid",
        "process",
        "action",
        "target",
        "before",
        "after",
        "reason",
        "status",
        "seq",
    ];
    assert_eq!(names, columns);
    let wrong = service.admin(&page("h=stauts")).await;
    assert!(
        wrong.error().1.contains(did_you_mean!("status")),
        "{wrong:?}"
    );
    let part = service.admin_json("_audit?filter_path=audit.target").await;
    assert_eq!(part["audit"][0], json!({"target": "b0"}));
}

/// Holds 7.22 of docs/admin-api.md.
#[tokio::test]
async fn the_newest_thousand_refused_calls_are_kept() {
    own_process!();
    let service = service().await;
    assert_eq!(put(&service, "oldest", json!({})).await, 404);
    let targets = |rows: Vec<Value>| -> Vec<Value> {
        rows.into_iter()
            .filter(|row| row["status"].as_u64() >= Some(400))
            .map(|mut row| row["target"].take())
            .collect()
    };
    for number in 1..1_000 {
        let refused = service.post(&format!("_tasks/x{number}/_cancel")).await;
        assert_eq!(refused.status, 400);
    }
    let kept = targets(records(&service).await);
    assert_eq!(kept.len(), 1_000);
    assert_eq!((&kept[0], &kept[999]), (&json!("x999"), &json!("oldest")));
    service.post("_tasks/x1000/_cancel").await;
    let kept = targets(records(&service).await);
    assert_eq!(kept.len(), 1_000);
    assert_eq!((&kept[0], &kept[999]), (&json!("x1000"), &json!("x1")));
    let times: Vec<u64> = records(&service)
        .await
        .iter()
        .map(|row| row["time"].as_u64().expect("a number"))
        .collect();
    assert!(
        times.is_sorted_by(|a, b| a >= b),
        "a later one is never above"
    );
}

/// Holds 7.22, 7.33 of docs/admin-api.md.
#[tokio::test]
async fn refused_calls_do_not_evict_records_of_changes() {
    own_process!();
    let service = service().await;
    let made = json!({"transient": {"timeout": "7s"}});
    let made = service.put("_routes/tabled/settings", made);
    made.await.ok_json();
    let seq = |row: &Value| row["seq"].as_u64().expect("a number");
    let real = records(&service).await[0].clone();
    assert_eq!(real["status"], 200);
    for number in 0..1_100 {
        let path = format!("_routes/none{number}/interrupt");
        assert_eq!(service.post(&path).await.status, 404);
    }
    let rows = records(&service).await;
    assert!(rows.contains(&real), "it is still there");
    let numbers: Vec<u64> = rows.iter().map(seq).collect();
    assert!(
        numbers.is_sorted_by(|a, b| a > b),
        "newest first: {numbers:?}"
    );
    assert_eq!(numbers[0], seq(&real) + 1_100, "none is left out");
    let text = service
        .admin("_cat/audit?h=n,r&s=seq:desc&size=1")
        .await
        .text;
    assert!(text.starts_with(&numbers[0].to_string()), "{text}");
}

/// Holds 7.22 of docs/admin-api.md.
#[tokio::test]
async fn long_values_are_truncated() {
    own_process!();
    let service = service().await;
    let reason = "because+".repeat(1_000);
    let path = format!("_routes/tabled/interrupt?reason={reason}");
    service.post(&path).await.ok_json();
    let long = json!({"preempt.text": "long ".repeat(10_000)});
    assert_eq!(put(&service, "tabled", long).await, 200);
    assert_eq!(put(&service, "tabled", json!(null)).await, 200);
    let rows = records(&service).await;
    for text in [&rows[0]["before"], &rows[1]["after"], &rows[2]["reason"]] {
        let text = text.as_str().expect("a text");
        assert!(text.ends_with('…'), "{text}");
        assert!((1_000..1_100).contains(&text.len()), "{}", text.len());
    }
}

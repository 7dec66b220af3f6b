//! The answers: the table, the report, the status in `/`, and what can be typed next.

use axum::Router;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use underscore_runtime::{RouterExt as _, admin_router, underscore_route};

use crate::support::Service;
use crate::support::process::own_process;
use crate::{health, text, wait_for};

#[underscore_route(get, "/refused", name = "refused")]
async fn refused() {}

#[underscore_route(get, "/failing", name = "failing")]
async fn failing() -> reqwest::StatusCode {
    reqwest::StatusCode::BAD_GATEWAY
}

const PAGE: &str = include_str!("../../underscore-runtime/docs/admin-api.md");

/// Holds 1.1, 1.61, 1.62, 14.1, 14.3, 14.20 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_service_is_one_green_row() {
    own_process!();
    let service = Service::start(Router::new().mount(refused)).await;
    service.get("/refused").await;
    let table = service.admin("_cat/health?v").await.text;
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let expected = [
        ["status", "symptom", "subject", "since", "evidence", "next"],
        ["green", "-", "-", "-", "-", "-"],
    ];
    assert_eq!(lines, expected);
    let help = service.admin("_cat/health?help").await.text;
    for line in help.lines() {
        let cells: Vec<&str> = line.splitn(3, '|').map(str::trim).collect();
        let (name, about) = (cells[0], cells[2]);
        let row = format!("| `{name}` |");
        let mut rows = PAGE.lines().filter(|line| line.starts_with(&row));
        let is_it = |row: &str| row.ends_with(&format!("| {about} |"));
        assert!(rows.any(is_it), "docs/admin-api.md lacks {line}");
    }
    let report = service.admin_json("_health_report").await;
    assert_eq!(report["status"], "green");
    assert_eq!(report["findings"], 0);
    let indicators = report["indicators"].as_object().expect("an object");
    let rules: Vec<&str> = indicators.keys().map(String::as_str).collect();
    let expected = [
        "blocking_pool",
        "deadlock",
        "descriptors",
        "drain",
        "failing",
        "leaving",
        "settings_file",
        "shed",
        "slow",
        "stuck",
        "workers",
    ];
    assert_eq!(rules, expected);
    for (rule, indicator) in indicators {
        assert_eq!(indicator["status"], "green", "{rule}: {indicator:#}");
        assert!(indicator["symptom"].is_string(), "{rule}: {indicator:#}");
    }
    assert_eq!(service.admin_json("").await["status"], "green");
    let metrics = service.admin("_metrics").await.text;
    assert!(
        metrics.contains("\nunderscore_health_status 0\n"),
        "{metrics}"
    );
    let finding = "\nunderscore_health_findings{symptom=\"blocked_worker\"} 0\n";
    assert!(metrics.contains(finding), "{metrics}");
}

/// Makes two findings.
async fn make_sick(service: &Service) {
    for _ in 0..12 {
        service.get("/failing").await;
        service.get("/refused").await;
    }
    service.set("refused", "preempt.status", 503).await;
    for _ in 0..3 {
        service.get("/refused").await;
    }
    wait_for(service, |row| row["symptom"] == "failing").await;
    wait_for(service, |row| row["symptom"] == "shed").await;
}

/// Holds 14.2, 14.3, 14.7, 14.8, 14.20 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_next_request_can_be_sent_as_it_is() {
    own_process!();
    let service = Service::start(Router::new().mount(refused).mount(failing)).await;
    make_sick(&service).await;
    let rows = health(&service).await;
    assert_eq!(rows.len(), 2, "{rows:#?}");
    let socket = service.directory.path().join("app.sock");
    for row in &rows {
        let (method, path) = text(row, "next").split_once(" /").expect("a request");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = service.admin_request(method, path, None).await;
        assert_eq!(answer.status, 200, "{row:#}");
        let curl = format!("curl --unix-socket {} 'http://./{path}'", socket.display());
        assert_eq!(row["curl"], curl);
        assert_eq!(text(row, "route_id").len(), 8, "{row:#}");
    }
    let report = service.admin_json("_health_report").await;
    assert_eq!(report["status"], "yellow");
    assert_eq!(report["findings"], 2);
    let failing = &report["indicators"]["failing"];
    assert_eq!(failing["symptom"], "failing: /failing");
    let finding = &failing["findings"][0];
    for (key, value) in [
        ("rule", json!("failing")),
        ("status", json!("yellow")),
        ("subject", json!("/failing")),
        ("next", json!("GET /_cat/ended/failing?v&size=20")),
    ] {
        assert_eq!(finding[key], value, "{finding:#}");
    }
    assert!(
        finding["since_millis"].is_u64() && finding["started_in_millis"].is_u64(),
        "{finding:#}"
    );
    assert_eq!(finding["affected"]["count"], 12, "{finding:#}");
    let metrics = service.admin("_metrics").await.text;
    assert!(
        metrics.contains("\nunderscore_health_status 1\n"),
        "{metrics}"
    );
    assert!(metrics.contains("{symptom=\"failing\"} 1\n"), "{metrics}");
}

/// Holds 14.8 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_router_the_command_has_the_url_that_was_asked() {
    own_process!();
    let app = Router::new().mount(refused).mount(failing);
    let service = Service::start(app.nest("/ops", admin_router())).await;
    make_sick(&service).await;
    let url = service.url("/ops/_cat/health?format=json&h=curl,next");
    let rows: Value = Client::new()
        .get(url)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    for row in rows.as_array().expect("a table") {
        let (_, path) = text(row, "next").split_once(' ').expect("a request");
        let url = service.url(&format!("/ops{path}"));
        assert_eq!(row["curl"], format!("curl '{url}'"));
    }
}

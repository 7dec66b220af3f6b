//! Actions of operators are logged in order, and never wait for the log.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::json;
use tokio::sync::Semaphore;
use underscore_runtime::underscore_route;

use crate::support::Service;
use crate::support::log::Log;
use crate::support::process::own_process;

#[underscore_route(name = "logged")]
async fn logged(State(gate): State<Arc<Semaphore>>) {
    let _permit = gate.acquire().await;
}

#[tokio::test]
async fn the_api_answers_while_the_log_blocks_and_logs_everything_in_order_afterwards() {
    own_process!();
    let log = Log::install();
    let app = Router::new().route("/", get(logged));
    let service = Service::start(app.with_state(Arc::new(Semaphore::new(0)))).await;
    let client = tokio::spawn(service.request(reqwest::Method::GET, "/").send());
    service.wait_for_await("logged", "gate.acquire()").await;

    let body = json!({"transient": {"preempt.status": 503}});
    service.put("_routes/logged/settings", body).await.ok_json();
    let report = service.post("_routes/logged/interrupt?reason=why").await;
    assert_eq!(report.ok_json()["interrupted"], 1);
    let answer = client.await.expect("the client ran").expect("an answer");
    assert_eq!(answer.status(), 503);
    service.admin("_cat/tasks").await;

    log.open();
    let lines = log.wait(|lines| lines.len() == 4);
    assert!(lines[0].contains("preempt.status"), "{lines:#?}");
    assert!(lines[2].contains("reason=why"), "{lines:#?}");
    assert!(
        lines[2].contains("tests/liveness/log_blocks.rs:"),
        "{lines:#?}"
    );
    // Each action logs its effect first, then its audit record.
    for (line, action) in [(&lines[1], "settings"), (&lines[3], "interrupt")] {
        assert!(line.starts_with("INFO underscore::audit "), "{lines:#?}");
        assert!(line.contains(&format!("action={action:?}")), "{lines:#?}");
    }
}

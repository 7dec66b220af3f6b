//! A blocked log, with more events than the queue holds.

use axum::Router;
use axum::routing::get;
use serde_json::json;
use underscore_runtime::underscore_route;

use crate::support::Service;
use crate::support::log::Log;
use crate::support::process::own_process;

#[underscore_route(name = "flooded")]
async fn flooded() {}

/// Holds 7.34 of docs/admin-api.md.
#[tokio::test]
async fn events_lost_by_a_blocked_log_are_counted_and_no_audit_record_is_lost() {
    own_process!();
    let log = Log::install();
    let service = Service::start(Router::new().route("/", get(flooded))).await;
    let lost = || async {
        let text = service.admin("_metrics").await.text;
        let line = text
            .lines()
            .find(|line| line.starts_with("underscore_log_entries_lost_total "));
        let number = line.and_then(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
        number.expect("it is counted")
    };
    let before = lost().await;
    // Each change logs an event and a record, more of both than the queue holds.
    for number in 0..1_200 {
        let body = json!({"transient": {"timeout": format!("{}s", number + 1)}});
        service
            .put("_routes/flooded/settings", body)
            .await
            .ok_json();
    }
    let lost = lost().await - before;
    assert!((300..=400).contains(&lost), "{lost}");
    log.open();
    let lines = log.wait(|lines| {
        let records = lines
            .iter()
            .filter(|line| line.starts_with("INFO underscore::audit "));
        lines.iter().any(|line| line.contains("were lost")) && records.count() >= 1_024
    });
    let said = lines.iter().find(|line| line.contains("were lost"));
    assert!(
        said.expect("it is said").contains(&format!("lost={lost} ")),
        "{said:?}"
    );
}

//! Each query of the dashboard has an answer, from replicas that do all that it shows.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::replica::Replica;
use crate::server::{Prometheus, encoded};
use crate::support::PATIENCE;
use crate::tools::{fleet, have};

/// The queries of all panels, each with its panel's title.
fn queries() -> Vec<(String, String)> {
    let text = fs::read_to_string(fleet().join("dashboard.json")).expect("it is there");
    let dashboard: Value = serde_json::from_str(&text).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let queries = panels.iter().flat_map(|panel| {
        let targets = panel["targets"].as_array().expect("it has queries");
        let titles = targets.iter().map(|_| text(&panel["title"]));
        titles.zip(targets.iter().map(|target| text(&target["expr"])))
    });
    queries.collect()
}

#[tokio::test]
async fn each_query_of_the_dashboard_finds_what_it_shows() {
    if !have(&["prometheus"]) {
        return;
    }
    let replica = Replica::start();
    let prometheus = Prometheus::start(&[&replica.metrics]);
    replica.work(Duration::from_millis(1)).await;
    // So that requests fail, too, a setting is in force, and health has a finding.
    replica.preempt_half().await;
    let queries = queries();
    assert!(queries.len() > 15, "{queries:?}");
    for (panel, query) in queries {
        // As Grafana replaces them, for what Prometheus scrapes twice a second.
        let query = query
            .replace("$job", "openmetrics")
            .replace("$instance", ".*")
            .replace("$__rate_interval", "10s");
        assert!(!query.contains('$'), "{query}");
        let path = format!("query?query={}", encoded(&query));
        let deadline = Instant::now() + PATIENCE;
        loop {
            // A rate needs a series that has changed.
            replica.work_or_fail(Duration::from_millis(1)).await;
            let found = prometheus.get(&path).await;
            let results = found["result"].as_array().expect("a list");
            let is_number = |result: &&Value| result["value"][1] != json!("NaN");
            if results.iter().any(|result| is_number(&result)) {
                break;
            }
            assert!(Instant::now() < deadline, "{panel}: {query}: {found}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

//! Prometheus stores the exemplars, and finds the trace of a slow request.

use std::time::{Duration, Instant};

use crate::replica::Replica;
use crate::server::{Prometheus, encoded};
use crate::support::PATIENCE;
use crate::tools::have;

#[tokio::test]
async fn the_trace_of_a_slow_request_is_found_by_its_bucket() {
    if !have(&["prometheus"]) {
        return;
    }
    let replica = Replica::start();
    let prometheus = Prometheus::start(&[&replica.metrics]);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    // Slower than the default of `slow_after`.
    let took = replica.traced(trace, Duration::from_millis(1100)).await;
    let buckets = encoded("http_server_request_duration_seconds_bucket{job=\"openmetrics\"}");
    let query = format!("query_exemplars?query={buckets}&start=0&end=9999999999");
    let deadline = Instant::now() + PATIENCE;
    let exemplar = loop {
        let data = prometheus.get(&query).await;
        let mut series = data.as_array().into_iter().flatten();
        let exemplar = series.find_map(|series| {
            let is_its = series["seriesLabels"]["le"] == "2.5";
            is_its.then(|| series["exemplars"][0].clone())
        });
        if let Some(exemplar) = exemplar {
            break exemplar;
        }
        assert!(Instant::now() < deadline, "{data}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(exemplar["labels"]["trace_id"], trace);
    let value = exemplar["value"].as_str().expect("a value");
    let value: f64 = value.parse().expect("a number");
    assert!((1.1..=took.as_secs_f64()).contains(&value), "{exemplar}");
}

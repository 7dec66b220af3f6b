//! promtool accepts the text. It cannot read `OpenMetrics`; the scrapes of `quantiles` do.

use std::time::Duration;

use crate::replica::Replica;
use crate::tools::{have, promtool};

#[tokio::test]
async fn promtool_accepts_the_metrics() {
    if !have(&["promtool"]) {
        return;
    }
    let replica = Replica::start();
    replica.work(Duration::from_millis(1)).await;
    let text = replica.scrape().await;
    for family in [
        "http_server_request_duration_seconds_bucket{",
        "http_server_active_requests{",
        "underscore_oldest_request_seconds{",
        "underscore_workers{",
    ] {
        assert!(text.contains(family), "{family}:\n{text}");
    }
    promtool(&["check", "metrics"], &text);
}

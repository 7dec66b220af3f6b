//! Quantiles over two replicas, compared with the times of all requests by exact ranks.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::iter;

use crate::replica::Replica;
use crate::server::Prometheus;
use crate::support::PATIENCE;
use crate::tools::have;

/// The bounds of the buckets in seconds.
const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Requests to each replica.
const REQUESTS: u32 = 100;

/// Requests at a time.
const AT_A_TIME: usize = 10;

/// Times of handlers, in no order: those of the second replica are ten times as long, so that no
/// mean of quantiles of single replicas would be right.
fn sleeps(replica: u32) -> impl Iterator<Item = Duration> {
    let scale = if replica == 0 { 1 } else { 10 };
    let shuffled = (0..REQUESTS).map(|number| number * 37 % REQUESTS);
    shuffled.map(move |number| Duration::from_millis(u64::from((2 + number * 7 / 10) * scale)))
}

/// Sends all requests to a replica. Returns the times until the responses.
async fn drive(number: u32, replica: &Replica) -> Vec<Duration> {
    let calls = sleeps(number).map(|sleep| replica.work(sleep));
    iter(calls).buffer_unordered(AT_A_TIME).collect().await
}

/// The time at the rank of a quantile, in seconds.
fn exact(times: &[Duration], quantile: f64) -> f64 {
    let mut times: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    times.sort_by(f64::total_cmp);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a rank among two hundred"
    )]
    let rank = (times.len() as f64 * quantile).ceil() as usize;
    times[rank - 1]
}

/// The index of the bucket of a time.
fn bucket(seconds: f64) -> usize {
    BOUNDS.partition_point(|bound| *bound < seconds)
}

/// Holds 7.45 of docs/admin-api.md.
#[tokio::test]
async fn quantiles_over_two_replicas_are_those_of_all_requests() {
    if !have(&["prometheus"]) {
        return;
    }
    let replicas = [Replica::start(), Replica::start()];
    let prometheus = Prometheus::start(&[&replicas[0].metrics, &replicas[1].metrics]);
    // Both replicas in both formats.
    prometheus.wait_for("sum(up)", 4.0).await;
    // A series of which `rate` has seen the beginning.
    for replica in &replicas {
        replica.work(Duration::ZERO).await;
    }
    let of = |suffix: &str, job: &str| {
        let name = format!("http_server_request_duration_seconds_{suffix}");
        format!("{name}{{http_route=\"/job/{{millis}}\",job=\"{job}\"}}")
    };
    for job in ["openmetrics", "text"] {
        prometheus
            .wait_for(&format!("sum({})", of("count", job)), 2.0)
            .await;
    }
    let [first, second] = &replicas;
    let (first, second) = tokio::join!(drive(0, first), drive(1, second));
    let times = [first, second].concat();
    let slept: Vec<Duration> = sleeps(0).chain(sleeps(1)).collect();
    let all = f64::from(2 * REQUESTS);
    for job in ["openmetrics", "text"] {
        let count = format!("sum({})", of("count", job));
        prometheus.wait_for(&count, all + 2.0).await;
        for quantile in [0.5, 0.9, 0.99] {
            // As it is, and as dashboards have it.
            let buckets = of("bucket", job);
            for sum in [
                format!("sum by (le) ({buckets})"),
                format!("sum by (le) (rate({buckets}[5m]))"),
            ] {
                let query = format!("histogram_quantile({quantile}, {sum})");
                let seen = prometheus.number(&query).await.expect("it has a value");
                for exact in [exact(&times, quantile), exact(&slept, quantile)] {
                    let (seen_at, exact_at) = (bucket(seen), bucket(exact));
                    assert!(
                        seen_at.abs_diff(exact_at) <= 1,
                        "{query} is {seen}, not {exact}"
                    );
                }
                println!(
                    "{query}: {seen}, by the clients {}, asked for {}",
                    exact(&times, quantile),
                    exact(&slept, quantile)
                );
            }
        }
        let sum = prometheus.number(&format!("sum({})", of("sum", job))).await;
        let sum = sum.expect("it has a value");
        let total = |times: &[Duration]| times.iter().sum::<Duration>().as_secs_f64();
        // A request takes at least as long as its handler, and at most as long as its client.
        let range = total(&slept) * 0.99..=(total(&times) * 1.01 + 1.0);
        assert!(range.contains(&sum), "{sum} is not in {range:?}");
    }
    rules_are_evaluated(&prometheus).await;
}

/// Prometheus evaluates each alert rule without an error, and a calm service has no alerts.
async fn rules_are_evaluated(prometheus: &Prometheus) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let data = prometheus.get("rules").await;
        let rules = data["groups"][0]["rules"].as_array().expect("it has rules");
        let health = |word: &str| rules.iter().filter(|rule| rule["health"] == word).count();
        assert_eq!(health("err"), 0, "{data}");
        if rules.len() == 6 && health("ok") == 6 {
            let alerts = rules.iter().map(|rule| &rule["alerts"]);
            assert!(
                alerts
                    .clone()
                    .all(|its| its.as_array().is_none_or(Vec::is_empty)),
                "{data}"
            );
            return;
        }
        assert!(Instant::now() < deadline, "{data}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

//! The families with the names of OpenTelemetry's conventions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{any, get};
use reqwest::Method;
use serde_json::json;
use tokio::sync::Notify;
use underscore_runtime::{RequestLayer, underscore_route};

use super::series::{Series, scrape, scrape_open};
use crate::support::Service;
use crate::support::process::own_process;

const DURATION: &str = "http_server_request_duration_seconds";

/// The labels and values of all series with this name at one path.
fn at_path(series: &Series, name: &str, path: &str) -> BTreeMap<String, f64> {
    let named = series
        .iter()
        .filter(|((found, labels), _)| found == name && labels["http_route"] == path);
    let words = named.map(|((_, labels), value)| {
        let labels = labels.iter().filter(|(name, _)| *name != "http_route");
        let words = labels.map(|(_, value)| value.as_str());
        // A label without a value is no label.
        let words: Vec<&str> = words.filter(|value| !value.is_empty()).collect();
        (words.join(" "), *value)
    });
    words.collect()
}

fn expected(series: &[(&str, f64)]) -> BTreeMap<String, f64> {
    let owned = series
        .iter()
        .map(|(key, value)| ((*key).to_owned(), *value));
    owned.collect()
}

static NEVER: Notify = Notify::const_new();

#[underscore_route(name = "ends_in_all_ways")]
async fn ends_in_all_ways(Path(status): Path<u16>) -> StatusCode {
    match status {
        0 => NEVER.notified().await,
        // Without a panic message.
        1 => std::panic::resume_unwind(Box::new("told to")),
        _ => {}
    }
    StatusCode::from_u16(status).expect("a status")
}

/// Holds 7.36 of docs/admin-api.md.
#[tokio::test]
async fn each_end_is_in_the_series_of_its_status_and_error() {
    own_process!();
    let path = "/ends/{status}";
    let service = Service::start(Router::new().route(path, any(ends_in_all_ways))).await;
    for status in [200, 200, 404, 502, 1] {
        let _ = service
            .request(Method::GET, &format!("/ends/{status}"))
            .send()
            .await;
    }
    let hangs = || tokio::spawn(service.request(Method::POST, "/ends/0").send());
    let interrupted = hangs();
    service.wait_for_waiting("ends_in_all_ways", 1).await;
    service
        .post("_routes/ends_in_all*/interrupt?status=504")
        .await
        .ok_json();
    interrupted.await.expect("it ends").expect("it is answered");
    let left = hangs();
    service.wait_for_waiting("ends_in_all_ways", 1).await;
    left.abort();
    service.wait_for_waiting("ends_in_all_ways", 0).await;
    for (settings, requests) in [
        (json!({"timeout": "1ms"}), 1),
        (json!({"timeout": null, "limit.active": 0}), 2),
        (json!({"limit.active": null, "preempt.status": 204}), 3),
    ] {
        let settings = json!({"transient": settings});
        let put = service.put("_routes/ends_in_all*/settings", settings);
        put.await.ok_json();
        for _ in 0..requests {
            let _ = service.request(Method::POST, "/ends/0").send().await;
        }
    }
    // A method that HTTP does not define.
    let odd = Method::from_bytes(b"ODD").expect("a token");
    let _ = service.request(odd, "/ends/0").send().await;

    let counts = expected(&[
        // Labels in the order of their names: error, method, status.
        ("GET 200", 2.0),
        ("GET 404", 1.0),
        ("502 GET 502", 1.0),
        ("panicked GET", 1.0),
        ("interrupted POST 504", 1.0),
        ("disconnected POST", 1.0),
        ("expired POST 504", 1.0),
        ("rejected POST 503", 2.0),
        ("preempted POST 204", 3.0),
        ("preempted _OTHER 204", 1.0),
    ]);
    for series in [scrape(&service).await, scrape_open(&service).await] {
        let count = format!("{DURATION}_count");
        assert_eq!(at_path(&series, &count, path), counts);
        let active = at_path(&series, "http_server_active_requests", path);
        let none = [("GET", 0.0), ("POST", 0.0), ("_OTHER", 0.0)];
        assert_eq!(active, expected(&none));
    }
}

#[underscore_route]
async fn sleeps(Path(millis): Path<u64>) -> StatusCode {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    StatusCode::OK
}

/// Holds 7.37 of docs/admin-api.md.
#[tokio::test]
async fn a_time_is_in_the_buckets_up_to_the_bounds_of_opentelemetry() {
    own_process!();
    let path = "/sleeps/{millis}";
    let service = Service::start(Router::new().route(path, get(sleeps))).await;
    let times = [0, 30, 260];
    for millis in times {
        service.get(&format!("/sleeps/{millis}")).await;
    }
    let series = scrape(&service).await;
    let [buckets, sum, count] = ["bucket", "sum", "count"]
        .map(|name| at_path(&series, &format!("{DURATION}_{name}"), path));
    let buckets = buckets.iter().map(|(labels, count)| {
        let (_, bound) = labels.rsplit_once(' ').expect("it has a bound");
        (bound.parse().expect("a number"), *count)
    });
    let mut buckets: Vec<(f64, f64)> = buckets.collect();
    buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (bounds, counts): (Vec<f64>, Vec<f64>) = buckets.into_iter().unzip();
    assert_eq!(
        bounds,
        [
            0.005,
            0.01,
            0.025,
            0.05,
            0.075,
            0.1,
            0.25,
            0.5,
            0.75,
            1.0,
            2.5,
            5.0,
            7.5,
            10.0,
            f64::INFINITY
        ]
    );
    // A request may take longer than its sleep, never shorter.
    assert!(counts.is_sorted(), "they are cumulative: {counts:?}");
    assert!(counts[2] <= 1.0 && counts[6] <= 2.0, "{counts:?}");
    assert_eq!((counts[14], count["GET 200"]), (3.0, 3.0));
    assert!(sum["GET 200"] >= 0.290, "{sum:?}");
    service.get("/sleeps/0").await;
    let later = at_path(&scrape(&service).await, &format!("{DURATION}_count"), path);
    assert_eq!(later["GET 200"], 4.0);
}

#[underscore_route]
async fn first_of_two() {}

#[underscore_route]
async fn second_of_two() {}

/// Holds 7.38 of docs/admin-api.md.
#[tokio::test]
async fn handlers_at_one_method_and_path_are_one_series() {
    own_process!();
    let layered = |router: Router| router.layer(RequestLayer::new());
    let router = |handler| Router::new().route("/two", handler);
    let first = Service::start(router(get(first_of_two))).await;
    let second = Service::start(router(get(second_of_two))).await;
    let closure = Service::start(layered(router(get(|| async {})))).await;
    for (service, times) in [(&first, 1), (&second, 2), (&closure, 3)] {
        for _ in 0..times {
            assert_eq!(service.get("/two").await.status, 200);
        }
    }
    // The fallback has no path, and counts all methods.
    assert_eq!(closure.get("/missing").await.status, 404);
    for series in [scrape(&first).await, scrape_open(&first).await] {
        let count = format!("{DURATION}_count");
        let of_both = at_path(&series, &count, "/two");
        assert_eq!(of_both, expected(&[("GET 200", 6.0)]));
        let of_fallback = at_path(&series, &count, "");
        assert_eq!(of_fallback, expected(&[("_OTHER 404", 1.0)]));
    }
}

/// Holds 7.44 of docs/admin-api.md.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_numbers_of_the_process_are_those_of_the_kernel() {
    own_process!();
    let service = Service::start(Router::new()).await;
    let number = |series: &Series, name: &str| {
        let key = (format!("process_{name}"), BTreeMap::new());
        series[&key]
    };
    let before = scrape(&service).await;
    let status = std::fs::read_to_string("/proc/self/status").expect("it can be read");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|line| line.split_whitespace().next());
        value
            .expect("it is there")
            .parse::<f64>()
            .expect("a number")
    };
    // Other threads of the test allocate and come and go meanwhile.
    let is_near = |one: f64, other: f64| (one / other - 1.0).abs() < 0.5;
    for (name, field) in [
        ("resident_memory_bytes", field("VmRSS:") * 1024.0),
        ("virtual_memory_bytes", field("VmSize:") * 1024.0),
        ("threads", field("Threads:")),
    ] {
        let number = number(&before, name);
        assert!(is_near(number, field), "{name}: {number} {field}");
    }
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let limit = limits.current.map_or(u64::MAX, |most| most);
    #[allow(clippy::cast_precision_loss, reason = "an approximate comparison")]
    let limit = limit as f64;
    assert!(is_near(number(&before, "max_fds"), limit));

    let open = || tempfile::tempfile().expect("it can be made");
    let files: Vec<_> = (0..100).map(|_| open()).collect();
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_millis(100) {
        std::hint::spin_loop();
    }
    let after = scrape_open(&service).await;
    let more = number(&after, "open_fds") - number(&before, "open_fds");
    assert!((80.0..=120.0).contains(&more), "{more}");
    drop(files);
    let spent = number(&after, "cpu_seconds_total") - number(&before, "cpu_seconds_total");
    assert!((0.03..=30.0).contains(&spent), "{spent}");
    let start = number(&after, "start_time_seconds");
    let own_start = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs_f64(start);
    let age = own_start.elapsed().expect("it is in the past");
    assert!(age < Duration::from_secs(600), "{age:?}");
}

static HELD: Notify = Notify::const_new();

#[underscore_route(name = "held_for_gauges")]
async fn held_for_gauges() {
    HELD.notified().await;
}

/// Holds 7.39 of docs/admin-api.md.
#[tokio::test]
async fn requests_in_flight_their_age_and_settings_in_force_are_gauges() {
    own_process!();
    let service =
        Arc::new(Service::start(Router::new().route("/held", get(held_for_gauges))).await);
    let get = || tokio::spawn(service.request(Method::GET, "/held").send());
    let held = [get(), get()];
    service.wait_for_waiting("held_for_gauges", 2).await;
    let settings = json!({"transient": {"timeout": "1h", "preempt.text": "no", "limit.active": 9}});
    let put = service.put("_routes/held_for_gauges/settings", settings);
    put.await.ok_json();
    let gauges = async |name: &str| {
        let series = scrape(&service).await;
        let named = series.into_iter().filter(|((found, _), _)| found == name);
        named
            .filter(|((_, labels), _)| {
                let path = labels.get("path").or(labels.get("http_route"));
                path.is_some_and(|path| path == "/held")
            })
            .map(|((_, labels), value)| (labels.get("setting").cloned(), value))
            .collect::<Vec<_>>()
    };
    assert_eq!(gauges("http_server_active_requests").await, [(None, 2.0)]);
    let age = async || gauges("underscore_oldest_request_seconds").await[0].1;
    let first = age().await;
    let later = age().await;
    assert!(first > 0.0 && later > first, "{first} {later}");
    let in_force = [
        (Some("limit.active".to_owned()), 1.0),
        (Some("timeout".to_owned()), 1.0),
    ];
    // Without a status, the text of `preempt` has no effect.
    assert_eq!(gauges("underscore_setting_in_force").await, in_force);
    service
        .post("_routes/held_for_gauges/interrupt")
        .await
        .ok_json();
    for request in held {
        request.await.expect("it ends").expect("it is answered");
    }
    assert_eq!(age().await, 0.0);
    assert_eq!(gauges("http_server_active_requests").await, [(None, 0.0)]);
}

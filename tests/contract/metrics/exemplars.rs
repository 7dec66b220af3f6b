//! Exemplars: the traces of slow and bad requests, in the buckets of their times.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest::Method;
use serde_json::json;
use underscore_runtime::underscore_route;

use super::series::from_open;
use crate::support::Service;
use crate::support::process::own_process;

#[underscore_route(name = "traced")]
async fn traced(Path((millis, status)): Path<(u64, u16)>) -> StatusCode {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    StatusCode::from_u16(status).expect("a status")
}

/// Bound, trace id, value and time of each exemplar of the series with a status.
fn exemplars(text: &str, status: u16) -> Vec<(f64, String, f64, f64)> {
    let status = format!("http_response_status_code=\"{status}\"");
    let lines = text.lines().filter(|line| line.contains(&status));
    let with_one = lines.filter_map(|line| line.split_once(" # {trace_id=\""));
    let parsed = with_one.map(|(sample, exemplar)| {
        let (_, bound) = sample.split_once("le=\"").expect("it is a bucket");
        let (bound, _) = bound.split_once('"').expect("it closes");
        let (id, rest) = exemplar.split_once("\"} ").expect("it closes");
        let (value, time) = rest.split_once(' ').expect("it has a time");
        let number = |text: &str| text.parse::<f64>().expect("a number");
        (number(bound), id.to_owned(), number(value), number(time))
    });
    parsed.collect()
}

/// Holds 7.46 of docs/admin-api.md.
#[tokio::test]
async fn the_newest_kept_request_of_a_bucket_with_a_trace_is_its_exemplar() {
    own_process!();
    let app = Router::new().route("/traced/{millis}/{status}", get(traced));
    let service = Service::start(app).await;
    let settings = json!({"transient": {"slow_after": "20ms"}});
    let id = |number: u32| format!("{number:032x}");
    let ask = async |number: u32, millis: u64, status: u16| {
        let request = service.request(Method::GET, &format!("/traced/{millis}/{status}"));
        let parent = format!("00-{}-00f067aa0ba902b7-01", id(number));
        let answer = request.header("traceparent", parent).send().await;
        assert_eq!(answer.expect("it answers").status(), status);
    };
    // Its record is an ordinary one: none.
    ask(1, 0, 200).await;
    service
        .put("_routes/traced/settings", settings)
        .await
        .ok_json();
    ask(2, 260, 200).await;
    ask(3, 260, 200).await;
    ask(4, 0, 503).await;
    // Slow, without a trace.
    service.get("/traced/260/200").await;

    let open = service.admin("_metrics?format=openmetrics").await.text;
    from_open(&open);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.expect("after 1970").as_secs_f64();
    for (status, expected, at_least) in [(200, id(3), 0.26), (503, id(4), 0.0)] {
        let found = exemplars(&open, status);
        let [(bound, id, value, time)] = &*found else {
            panic!("{found:?} in {open}");
        };
        assert_eq!(*id, expected);
        assert!(value <= bound && *value >= at_least, "{found:?}");
        assert!((now - 60.0..=now + 1.0).contains(time), "{found:?} {now}");
    }
    let text = service.admin("_metrics?format=text").await.text;
    assert!(!text.contains("trace_id"), "{text}");
}

//! The formats of events.

use axum::Router;
use reqwest::Method;
use serde_json::Value;
use underscore_runtime::RouterExt as _;

use crate::support::process::own_process;
use crate::support::{Answer, Service};
use crate::{Follower, broken, change, fail};

/// Holds 16.8 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_parameter_and_the_header_choose_the_format() {
    own_process!();
    let service = Service::start(Router::new().mount(broken)).await;
    change(&service, 1).await;
    let of = async |parameters: &str, accept: &str| {
        let path = format!("_events?{parameters}");
        let request = service.admin_builder(Method::GET, &path);
        let request = request.header("accept", accept);
        Answer::of(request.send().await.expect("an answer")).await
    };
    let cases = [
        ("", "*/*", "application/x-ndjson"),
        ("", "application/x-ndjson", "application/x-ndjson"),
        ("", "text/html, text/plain", "application/x-ndjson"),
        ("", "text/event-stream", "text/event-stream"),
        ("", "text/event-stream;q=1, */*", "text/event-stream"),
        ("", "text/plain", "text/plain; charset=UTF-8"),
        (
            "format=text",
            "text/event-stream",
            "text/plain; charset=UTF-8",
        ),
        ("format=json", "text/plain", "application/x-ndjson"),
        ("format=sse", "*/*", "text/event-stream"),
    ];
    for (parameters, accept, content_type) in cases {
        let answer = of(parameters, accept).await;
        assert_eq!(answer.content_type, content_type, "{parameters} {accept}");
        assert!(answer.text.contains("interrupt"), "{}", answer.text);
    }
    let filtered = service.admin("_events?filter_path=id,action").await;
    assert_eq!(filtered.text, "{\"id\":1,\"action\":\"interrupt\"}\n");
}

/// Holds 16.8 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_as_text_is_a_line_with_its_subject_first() {
    own_process!();
    let service = Service::start(Router::new().mount(broken)).await;
    fail(&service, 1).await;
    let reason = "why%20not%0anow";
    let interrupt = format!("_routes/broken/interrupt?reason={reason}");
    service.post(&interrupt).await.ok_json();
    let text = service
        .admin("_events?format=text&type=ended,audit")
        .await
        .text;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    let words: Vec<&str> = lines[0].split_whitespace().collect();
    assert!(words[0].ends_with('Z'), "{text}");
    assert_eq!(words[1..4], ["ended", "GET", "/broken"]);
    assert!(words[4].starts_with("task_id="), "{text}");
    assert!(
        lines[0].contains(" status=500 end=completed took="),
        "{text}"
    );
    assert!(
        lines[1].contains(" audit   interrupt broken status=200 "),
        "{text}"
    );
    assert!(lines[1].ends_with(r#" reason="why not\nnow""#), "{text}");
}

/// Holds 16.8, 16.11 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_as_a_server_sent_event_has_its_id_and_type() {
    own_process!();
    let service = Service::start(Router::new().mount(broken)).await;
    change(&service, 1).await;
    let mut follower = Follower::start(&service, "format=sse").await;
    let next = async |follower: &mut Follower| {
        let mut lines = Vec::new();
        while let Some(line) = follower.line().await.filter(|line| !line.is_empty()) {
            lines.push(line);
        }
        lines
    };
    let event = next(&mut follower).await;
    assert_eq!(event[..2], ["id: 1", "event: audit"]);
    let data = event[2].strip_prefix("data: ").expect("data");
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["id"], 1);
    change(&service, 1).await;
    assert_eq!(next(&mut follower).await[0], "id: 2");
    drop(follower);

    change(&service, 250).await;
    let mut follower = Follower::start(&service, "format=sse&since=2").await;
    let lost = next(&mut follower).await;
    assert_eq!(lost[0], "event: lost", "without an id");
    let data = lost[1].strip_prefix("data: ").expect("data");
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["lost"], 50);
    assert_eq!(
        (&data["first_id"], &data["last_id"]),
        (&3.into(), &52.into())
    );
    assert_eq!(next(&mut follower).await[0], "id: 53");
}

//! The events that are kept, and the parameters that select some of them.

use axum::Router;
use reqwest::Method;
use underscore_runtime::{AdminBuilder, RouterExt as _, admin_router};

use crate::support::process::own_process;
use crate::support::{Answer, Service};
use crate::{broken, change, events, fail, ids, wait_for_events};

/// Holds 1.80, 16.1, 16.5, 16.6, 16.7 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_select_events_and_the_oldest_is_first() {
    own_process!();
    let service = Service::start(Router::new().mount(broken)).await;
    assert!(events(&service, "").await.is_empty());
    fail(&service, 3).await;
    change(&service, 2).await;
    let all = events(&service, "type=ended,audit").await;
    assert_eq!(all.len(), 5, "{all:#?}");
    let all = ids(&all);
    assert!(all.is_sorted(), "{all:?}");
    let of = async |parameters: &str| ids(&events(&service, parameters).await);
    assert_eq!(of("type=ended").await, all[..3]);
    assert_eq!(of("type=audit,").await, all[3..]);
    assert_eq!(of("type=audit&size=1").await, all[4..]);
    assert!(of("type=").await.ends_with(&all[4..]), "all types");
    assert_eq!(of(&format!("type=ended&since={}", all[0])).await, all[1..3]);
    assert_eq!(of("type=ended,audit&since=1000000").await, all);
    assert!(of("size=0").await.is_empty());
    assert_eq!(of("type=ended,audit&follow=false").await, all);
}

/// Holds 16.7 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_value_is_refused() {
    own_process!();
    let service = Service::start(Router::new()).await;
    let cases = [
        ("type=endet", "did you mean [ended]?"),
        ("type=lost", "use one of blocked, resumed, slow"),
        ("since=x", "[since] must be an integer"),
        ("size=-1", "[size] must be an integer"),
        ("follow=1", "[follow] must be true or false"),
        ("format=xml", "use one of json, text, sse"),
        ("tpye=ended", "did you mean [type]?"),
    ];
    for (parameters, reason) in cases {
        let answer = service.admin(&format!("_events?{parameters}")).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        let (_, found) = answer.error();
        assert!(found.contains(reason), "{found}");
    }
}

/// Holds 16.9 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_returns_names_the_last_event_that_it_has() {
    own_process!();
    let service = Service::start(Router::new().mount(broken)).await;
    change(&service, 3).await;
    let of = async |last: &str, parameters: &str| {
        let path = format!("_events?type=audit&{parameters}");
        let request = service.admin_builder(Method::GET, &path);
        let request = request.header("last-event-id", last);
        let answer = Answer::of(request.send().await.expect("an answer")).await;
        let lines = answer.text.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&of("2", "").await), [3]);
    // A client that connects again has the same URL as before.
    assert_eq!(ids(&of("2", "since=1").await), [3]);
    assert_eq!(ids(&of("x", "since=1").await), [2, 3]);
    for unreadable in ["", "x", "-1", "2x"] {
        assert_eq!(of(unreadable, "").await.len(), 3, "{unreadable:?}");
    }
}

/// Holds 16.10 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_events_of_a_type_displace_only_their_own() {
    own_process!();
    let admin = AdminBuilder::new();
    let service = Service::start_with(Router::new().mount(broken), &admin).await;
    fail(&service, 1).await;
    change(&service, 205).await;
    for _ in 0..5 {
        let refused = service.post("_routes/none/interrupt").await;
        assert_eq!(refused.status, 404);
    }
    let kept = wait_for_events(&service, "type=audit", 205).await;
    let refused = |status: u64| {
        kept.iter()
            .filter(|event| event["status"] == status)
            .count()
    };
    assert_eq!((refused(200), refused(404)), (200, 5));
    assert_eq!(events(&service, "type=ended").await.len(), 1);
    let first = events(&service, "size=1000").await[0]["id"].clone();
    assert_eq!(first, 1, "the end");
}

/// Holds 16.15 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_within_the_service_has_the_same_events() {
    own_process!();
    let app = Router::new().nest("/ops", admin_router()).mount(broken);
    let service = Service::start(app).await;
    change(&service, 2).await;
    let answer = service.get("/ops/_events").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.content_type, "application/x-ndjson");
    assert_eq!(answer.text, service.admin("_events").await.text);

    let request = service.request(Method::GET, "/ops/_events?follow&since=2");
    let mut followed = request.send().await.expect("an answer");
    change(&service, 1).await;
    let line = followed.chunk().await.expect("it").expect("an event");
    let event: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
    assert_eq!(event["id"], 3);
}

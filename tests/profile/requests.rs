//! Parameters, limits and names of the endpoint.

use reqwest::Method;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use crate::ALONE;
use crate::load::app;
use crate::support::Service;

async fn reason(service: &Service, path: &str) -> String {
    let answer = service.admin(path).await;
    assert_eq!(answer.status, 400, "{path}: {}", answer.text);
    answer.error().1
}

/// Holds 11.1, 11.4, 11.12 of docs/admin-api.md.
#[tokio::test]
async fn wrong_parameters_are_refused_at_once() {
    let _alone = ALONE.lock().await;
    let service = Service::start(app()).await;
    for wrong in ["0", "61", "abc", "-1", "1.5", "10s", ""] {
        let reason = reason(&service, &format!("_profile?seconds={wrong}")).await;
        let expected =
            format!("parameter [seconds] must be an integer from 1 to 60, not [{wrong}]");
        assert_eq!(reason, expected);
    }
    let format = reason(&service, "_profile?format=xml").await;
    assert!(
        format.contains("text, svg, pprof, json, yaml, cbor"),
        "{format}"
    );
    let kind = reason(&service, "_profile?type=cpu").await;
    assert!(kind.contains("use one of wait, run"), "{kind}");
    for (theirs, ours) in [
        ("interval=500ms", "seconds"),
        ("snapshots=10", "seconds"),
        ("ignore_idle_threads=true", "type"),
        ("threads=3", "routes"),
    ] {
        let reason = reason(&service, &format!("_nodes/hot_threads?{theirs}")).await;
        assert!(
            reason.contains(&format!("did you mean [{ours}]")),
            "{reason}"
        );
    }
}

/// Holds 11.1 of docs/admin-api.md.
#[tokio::test]
async fn hot_threads_are_a_profile() {
    let _alone = ALONE.lock().await;
    let service = Service::start(app()).await;
    let answer = service.admin("_nodes/hot_threads?seconds=1").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.starts_with("# "), "{}", answer.text);
    assert_eq!(answer.content_type, "text/plain; charset=UTF-8");
    let head = service
        .admin_request(Method::HEAD, "_profile?seconds=1", None)
        .await;
    assert_eq!((head.status, &*head.text), (200, ""));
    let post = service.post("_profile").await;
    assert_eq!(post.status, 405);
}

/// Holds 11.10, 11.11 of docs/admin-api.md.
#[tokio::test]
async fn four_profiles_run_at_a_time_and_end_with_their_clients() {
    let _alone = ALONE.lock().await;
    let service = Service::start(app()).await;
    let socket = service.directory.path().join("app.sock");
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = UnixStream::connect(&socket).await.expect("it listens");
        let request = b"GET /_profile?seconds=60 HTTP/1.1\r\nhost: .\r\n\r\n";
        client.write_all(request).await.expect("it reads");
        clients.push(client);
    }
    // The requests are read on the thread of the admin API, in their order or not.
    let refused = loop {
        let answer = service.admin("_profile?seconds=1").await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(refused.status, 429);
    let (kind, reason) = refused.error();
    assert_eq!(kind, "limit_reached");
    assert!(reason.contains("4 profiles are in progress"), "{reason}");
    // They occupy no thread that answers other reads.
    let tasks = service.admin("_cat/tasks").await;
    assert_eq!(tasks.status, 200);
    drop(clients.pop());
    loop {
        let answer = service.admin("_profile?seconds=1").await;
        if answer.status == 200 {
            break;
        }
        assert_eq!(answer.status, 429, "{}", answer.text);
    }
    let audit = service.admin_json("_cat/audit?format=json").await;
    assert_eq!(audit, Value::Array(Vec::new()), "a profile is no change");
}

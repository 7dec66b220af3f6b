//! `_connections/{ids}/_close`.

use axum::Router;
use axum::routing::get;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use underscore_runtime::underscore_route;

use super::row_in;
use crate::support::{PATIENCE, Service, send, talk};

#[underscore_route(name = "closing.hangs")]
async fn hangs() {
    std::future::pending::<()>().await;
}

#[underscore_route(name = "closing.answers")]
async fn answers() -> &'static str {
    "answer"
}

fn app() -> Router {
    Router::new()
        .route("/hangs", get(hangs))
        .route("/answers", get(answers))
}

async fn is_closed(client: &mut TcpStream) -> bool {
    let read = tokio::time::timeout(PATIENCE, client.read(&mut [0; 16])).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

/// Holds 9.7, 9.8, 1.46 of docs/admin-api.md.
#[tokio::test]
async fn a_connection_is_closed_by_its_id_and_its_request_ends() {
    let service = Service::start_tracked(app()).await;
    let mut client = service.connect().await;
    send(&mut client, "GET /hangs HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let id = row_in(&service, &client, "active").await["id"].to_string();

    let path = format!("_connections/{id}/_close");
    let hit = service.post(&format!("{path}?dry_run")).await.ok_json();
    assert_eq!(hit["dry_run"], true);
    assert_eq!(hit["would_hit"], json!({"connections": 1, "tasks": 1}));
    assert_eq!(hit["connections"], json!({ id.clone(): "active" }));
    let closed = service.post(&path).await.ok_json();
    assert_eq!(
        closed,
        json!({"acknowledged": true, "closed": 1, "connections": { id: "closed" }})
    );
    assert!(is_closed(&mut client).await);
    service
        .wait_for_ends("closing.hangs", &[("disconnected", 1)])
        .await;
    let (kind, reason) = service.post(&path).await.error();
    assert_eq!(kind, "resource_not_found_exception");
    assert!(reason.contains("it has ended or never existed"), "{reason}");
}

/// Holds 9.9, 1.47 of docs/admin-api.md.
#[tokio::test]
async fn a_filter_chooses_connections_and_an_empty_one_is_refused() {
    let service = Service::start_tracked(app()).await;
    let mut idle = service.connect().await;
    talk(
        &mut idle,
        "GET /answers HTTP/1.1\r\nhost: x\r\n\r\n",
        "answer",
    )
    .await;
    let mut head = service.connect().await;
    send(&mut head, "GET /answers").await;
    let idle_id = row_in(&service, &idle, "idle").await["id"].to_string();
    let head_id = row_in(&service, &head, "head").await["id"].to_string();

    let (_, reason) = service.post("_connections/_close").await.error();
    assert!(reason.contains("no connections are named"), "{reason}");
    let (_, reason) = service.post("_connections/_close?state=idel").await.error();
    assert!(reason.contains("did you mean [idle]"), "{reason}");
    let (_, reason) = service.post("_connections/x/_close").await.error();
    assert!(
        reason.contains("must be a decimal number or _all"),
        "{reason}"
    );

    let path = format!("_connections/{idle_id},{head_id}/_close?state=idle");
    let closed = service.post(&path).await.ok_json();
    assert_eq!(closed["connections"], json!({ idle_id.clone(): "closed" }));
    assert!(is_closed(&mut idle).await);
    row_in(&service, &head, "head").await;
    let path = format!("_connections/{head_id}/_close?older_than=1h");
    assert_eq!(service.post(&path).await.ok_json()["closed"], 0);

    let audit = service.admin_json("_audit").await;
    let records = audit["audit"].as_array().expect("a list");
    let mut of_close = records.iter().filter(|record| record["action"] == "close");
    assert!(
        of_close.any(|record| record["target"] == format!("{idle_id},{head_id}?state=idle")),
        "{records:#?}"
    );
}

//! Pipelined requests.

use std::time::Instant;

use underscore_runtime::AdminBuilder;

use super::raw::{Raw, others_are_served, served};
use crate::support::PATIENCE;

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let service = served(&AdminBuilder::new()).await;
    let mut connection = Raw::connect(&service).await;
    let requests: Vec<String> = (0..100)
        .map(|number| {
            // Some of these paths are answered by another thread.
            let path = ["/", "/_cat/tasks", "/nowhere"][number % 3];
            format!("GET {path} HTTP/1.1\r\nhost: .\r\nx-opaque-id: {number}\r\n\r\n")
        })
        .collect();
    assert!(connection.send(requests.concat().as_bytes()).await);
    for number in 0..100 {
        let answer = connection.answer().await;
        let own = format!("x-opaque-id: {number}\r\n");
        assert!(answer.head.contains(&own), "{number}: {answer:?}");
        assert_eq!(answer.status, [200, 200, 404][number % 3]);
    }
}

#[tokio::test]
async fn a_client_that_never_reads_is_not_read_for_ever() {
    let service = served(&AdminBuilder::new()).await;
    let connection = Raw::connect(&service).await;
    let requests = b"GET /_cat HTTP/1.1\r\nhost: .\r\n\r\n".repeat(1000);
    let mut sent = 0;
    let end = Instant::now() + PATIENCE;
    // Write until the socket stays full: the server waits for this client only.
    loop {
        let writable = connection.socket.writable();
        let waited = tokio::time::timeout(std::time::Duration::from_millis(500), writable);
        if waited.await.is_err() {
            break;
        }
        sent += connection.socket.try_write(&requests).unwrap_or(0);
        assert!(Instant::now() < end && sent < 64 << 20, "{sent} bytes");
    }
    others_are_served(&service).await;
}

/// Holds 6.25 of docs/admin-api.md.
#[tokio::test]
async fn garbage_after_a_request_does_not_affect_its_answer() {
    let service = served(&AdminBuilder::new()).await;
    for broken in ["GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\0"] {
        let mut connection = Raw::connect(&service).await;
        let requests = format!("GET /_cat/routes HTTP/1.1\r\nhost: .\r\n\r\n{broken}");
        assert!(connection.send(requests.as_bytes()).await);
        assert_eq!(connection.answer().await.status, 200);
        assert_eq!(connection.answer().await.status, 400, "{broken:?}");
        connection.closed().await;
    }
}

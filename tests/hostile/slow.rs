//! Slow clients and half-closed connections.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use underscore_runtime::AdminBuilder;

use super::raw::{ROOT, Raw, others_are_served, served};

const LIMIT: Duration = Duration::from_millis(400);

const EVERY: Duration = Duration::from_millis(20);

fn impatient() -> AdminBuilder {
    AdminBuilder::new().read_timeout(LIMIT)
}

/// Holds 6.21 of docs/admin-api.md.
#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_408_and_others_are_served_meanwhile() {
    let service = served(&impatient()).await;
    let mut slow = Raw::connect(&service).await;
    let begun = Instant::now();
    assert!(slow.send(b"GET / HTTP/1.1\r\nx: ").await);
    others_are_served(&service).await;
    slow.dribble(b'x', EVERY).await;
    let answer = slow.answer().await;
    assert!(begun.elapsed() >= LIMIT, "{:?}", begun.elapsed());
    let expected = (
        "request_timeout".to_owned(),
        "request head must be sent within 400ms".to_owned(),
    );
    assert_eq!((answer.status, answer.error()), (408, expected));
    slow.closed().await;
}

/// Holds 6.21 of docs/admin-api.md.
#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_408_and_others_are_served_meanwhile() {
    let service = served(&impatient()).await;
    for (length, byte) in [
        ("content-length: 100000", b" "),
        // hyper skips zeros before the size of the first chunk without a limit.
        ("transfer-encoding: chunked", b"0"),
    ] {
        let mut slow = Raw::connect(&service).await;
        let head = format!("PUT /_routes/x/settings HTTP/1.1\r\nhost: .\r\n{length}\r\n\r\n");
        assert!(slow.send(head.as_bytes()).await);
        others_are_served(&service).await;
        let begun = Instant::now();
        slow.dribble(byte[0], EVERY).await;
        let answer = slow.answer().await;
        if answer.status != 400 {
            let expected = (
                "request_timeout".to_owned(),
                "request body must be sent within 400ms".to_owned(),
            );
            assert_eq!((answer.status, answer.error()), (408, expected), "{length}");
        }
        assert!(begun.elapsed() < 10 * LIMIT, "{length}");
        slow.closed().await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_timeout() {
    let idle = Duration::from_millis(300);
    let service = served(&AdminBuilder::new().keep_alive_timeout(idle)).await;
    let begun = Instant::now();
    let mut silent = Raw::connect(&service).await;
    let mut asked = Raw::connect(&service).await;
    assert!(asked.send(ROOT).await);
    assert_eq!(asked.answer().await.status, 200);
    silent.closed().await;
    asked.closed().await;
    assert!(begun.elapsed() >= idle);
}

/// As `printf 'GET ...' | nc -N -U app.sock` does.
#[tokio::test]
async fn a_half_closed_client_is_answered_and_closed() {
    let service = served(&AdminBuilder::new()).await;
    for path in [
        "/",
        "/_cat",
        "/_cat/routes",
        "/_cat/tasks?v",
        "/_routes?filter_path=*",
    ] {
        for round in 0..10 {
            let mut half = Raw::connect(&service).await;
            let request = format!("GET {path} HTTP/1.1\r\nhost: .\r\n\r\n");
            assert!(half.send(request.as_bytes()).await);
            half.socket.shutdown().await.expect("it is open");
            let answer = half.try_answer().await;
            let status = answer.map(|answer| answer.status);
            assert_eq!(status, Some(200), "{path}, round {round}");
            half.closed().await;
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_midway_is_dropped() {
    let service = served(&AdminBuilder::new()).await;
    for part in [
        &b""[..],
        b"GET",
        b"GET / HTTP/1.1\r\nhost:",
        b"PUT /_routes/x/settings HTTP/1.1\r\ncontent-length: 9\r\n\r\n{",
        b"PUT /_routes/x/settings HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{",
        b"GET /_cat/routes HTTP/1.1\r\n\r\n",
    ] {
        for half in [true, false] {
            let mut leaving = Raw::connect(&service).await;
            assert!(leaving.send(part).await);
            if half {
                leaving.socket.shutdown().await.expect("it is open");
                // A response may come before the end.
                while let Some(answer) = leaving.try_answer().await {
                    assert!(answer.status == 200 || answer.status == 400, "{answer:?}");
                }
            }
        }
    }
    others_are_served(&service).await;
}

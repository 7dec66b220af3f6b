//! More connections than the limits allow.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use underscore_runtime::AdminBuilder;

use super::raw::{ROOT, Raw, others_are_served, served};
use crate::support::PATIENCE;

#[tokio::test]
async fn with_a_thousand_idle_connections_a_new_one_is_served_and_the_oldest_are_closed() {
    let service = served(&AdminBuilder::new()).await;
    let mut idle = VecDeque::new();
    for number in 1..=1000 {
        let mut connection = Raw::connect(&service).await;
        // Every other connection has had a request and is kept alive.
        if number % 2 == 0 {
            assert!(connection.send(ROOT).await);
            assert_eq!(connection.answer().await.status, 200);
        }
        idle.push_back(connection);
        while idle.front().is_some_and(Raw::is_closed) {
            idle.pop_front();
        }
        if number % 100 == 0 {
            others_are_served(&service).await;
        }
    }
    let end = Instant::now() + PATIENCE;
    // One user may have half of the 128 connections.
    while idle.len() > 64 {
        assert!(Instant::now() < end, "{} are open", idle.len());
        tokio::task::yield_now().await;
        idle.retain(|connection| !connection.is_closed());
    }
}

#[tokio::test]
async fn at_the_limit_the_connection_that_is_idle_longest_is_closed() {
    let service = served(&AdminBuilder::new().max_connections(4)).await;
    let mut first = Raw::connect(&service).await;
    let mut second = Raw::connect(&service).await;
    for connection in [&mut second, &mut first] {
        assert!(connection.send(ROOT).await);
        assert_eq!(connection.answer().await.status, 200);
    }
    // The second connection has been idle longest.
    let mut third = Raw::connect(&service).await;
    assert!(third.send(ROOT).await);
    assert_eq!(third.answer().await.status, 200);
    second.closed().await;
    assert!(first.send(ROOT).await);
    assert_eq!(first.answer().await.status, 200);
}

#[tokio::test]
async fn if_all_connections_have_a_request_the_oldest_is_closed() {
    let service = served(&AdminBuilder::new().max_connections(6)).await;
    let mut busy = Vec::new();
    for _ in 0..3 {
        let mut connection = Raw::connect(&service).await;
        let head = b"PUT /_routes/x/settings HTTP/1.1\r\nhost: .\r\ncontent-length: 9\r\n\r\n";
        assert!(connection.send(head).await);
        busy.push(connection);
    }
    others_are_served(&service).await;
    busy[0].closed().await;
    assert!(!busy[2].is_closed());
    let mut last = busy.pop().expect("three");
    assert!(last.send(b"{\"a\": {}}").await);
    assert_eq!(last.answer().await.status, 400);
}

/// Each request is sent before its connection is accepted.
#[tokio::test]
async fn with_a_limit_of_one_connection_many_at_once_are_all_answered() {
    let service = served(&AdminBuilder::new().max_connections(1)).await;
    for _ in 0..50 {
        let mut all = [(); 20].map(|()| {
            let path = service.directory.path().join("app.sock");
            let mut client = UnixStream::connect(path).expect("it listens");
            client.write_all(ROOT).expect("it is small");
            client
        });
        for client in &mut all {
            client.set_read_timeout(Some(PATIENCE)).expect("a time");
            let mut answer = [0; 15];
            client.read_exact(&mut answer).expect("an answer");
            assert_eq!(&answer, b"HTTP/1.1 200 OK");
        }
    }
}

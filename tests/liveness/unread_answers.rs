//! Responses that clients do not read do not accumulate in memory.

use std::future::pending;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use underscore_runtime::spawn;

use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};
use crate::turn;

/// Enough for a response of several MiB.
const TASKS: usize = 2_500;

const CLIENTS: usize = 9;

/// Limit of unread responses of all connections, in bytes.
const MOST_HELD: usize = 64 << 20;

/// True if the server has closed the connection, which may still have unread data.
async fn is_cut_off(client: &mut UnixStream) -> bool {
    // An empty line between two requests is ignored.
    let sent = tokio::time::timeout(PATIENCE, client.write_all(b"\r\n")).await;
    let sent = sent.expect("it has room for that");
    sent.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

#[tokio::test]
async fn unread_answers_are_bounded() {
    let _turn = turn().await;
    own_process!();
    let service = Service::start(Router::new()).await;
    // The longest name that is shown, in four-byte characters.
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| spawn("\u{1f422}".repeat(1024), pending::<()>()))
        .collect();
    tokio::task::yield_now().await;
    let size = service.admin("_tasks").await.text.len();
    assert!(CLIENTS * size > MOST_HELD + 2 * size, "{size}");
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = UnixStream::connect(service.directory.path().join("app.sock")).await;
        let mut client = client.expect("the server listens");
        let request = b"GET /_tasks HTTP/1.1\r\nhost: .\r\n\r\n";
        client.write_all(request).await.expect("written");
        // Wait for the beginning of the response.
        client.readable().await.expect("it is open");
        clients.push(client);
    }
    let end = Instant::now() + PATIENCE;
    let open = loop {
        let mut open = Vec::new();
        for (number, client) in clients.iter_mut().enumerate() {
            if !is_cut_off(client).await {
                open.push(number);
            }
        }
        if open.len() * size <= MOST_HELD + size {
            break open;
        }
        assert!(Instant::now() < end, "{open:?} of {size} bytes each");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    // The connection that has waited longest is closed, the last one is not.
    assert!(
        !open.contains(&0) && open.contains(&(CLIENTS - 1)),
        "{open:?}"
    );
    assert_eq!(service.admin("").await.status, 200);
    let mut last = clients.pop().expect("there are some");
    let mut read = vec![0; size - size / 100];
    let reading = tokio::time::timeout(PATIENCE, last.read_exact(&mut read)).await;
    reading.expect("it is sent").expect("it is there");
    assert!(read.starts_with(b"HTTP/1.1 200 "));
    drop(tasks);
}

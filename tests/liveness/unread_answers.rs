//! Answers that are asked for and not read. They are large, and making them would keep other tests waiting, so this
//! is a binary of its own.

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

/// Enough for an answer of some MiB.
const TASKS: usize = 2_500;

const CLIENTS: usize = 9;

/// What all connections may hold together.
const MOST_HELD: usize = 64 << 20;

/// Whether the server has ended the connection, on which there may be more to read.
async fn is_cut_off(client: &mut UnixStream) -> bool {
    // Between two requests, this means nothing.
    let sent = tokio::time::timeout(PATIENCE, client.write_all(b"\r\n")).await;
    let sent = sent.expect("it has room for that");
    sent.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

#[tokio::test]
async fn answers_that_nobody_reads_are_not_kept_without_end() {
    let _turn = turn().await;
    own_process!();
    let service = Service::start(Router::new()).await;
    // The longest name that is shown, of the longest characters.
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
        // Until it is on its way.
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
    // Whoever has waited for the longest time is gone, and whoever came last is not.
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

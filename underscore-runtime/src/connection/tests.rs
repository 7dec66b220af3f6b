//! Tests of a connection's stream, from both of its ends.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::http2::PREFACE;
use super::info::ConnectionState;
use super::registry::find;
use super::stream::{TrackedStream, track_connection};
use crate::sync::{Arc, Mutex};

const PATIENCE: Duration = Duration::from_secs(20);

fn tracked(
    buffer: usize,
) -> (
    tokio::io::DuplexStream,
    TrackedStream<tokio::io::DuplexStream>,
) {
    let (client, server) = tokio::io::duplex(buffer);
    (client, track_connection(server, &"client"))
}

/// Reads the available bytes.
async fn read_some(server: &mut TrackedStream<tokio::io::DuplexStream>) {
    let read = server.read(&mut [0; 64]).await.unwrap();
    assert_ne!(read, 0);
}

#[tokio::test]
async fn a_connection_is_listed_until_its_stream_is_dropped() {
    let (mut client, mut server) = tracked(64);
    let id = server.shared.info.id();
    client.write_all(b"GET").await.unwrap();
    server.read_exact(&mut [0; 3]).await.unwrap();
    server.write_all(b"HTTP/1.1").await.unwrap();
    let connection = find(id).expect("it is open");
    assert_eq!(
        (connection.info().bytes_in(), connection.info().bytes_out()),
        (3, 8)
    );
    drop(server);
    assert!(find(id).is_none());
    assert!(!connection.close(), "it was closed by its owner");
}

#[tokio::test]
async fn closing_wakes_a_pending_read_and_the_client_sees_it() {
    let (mut client, mut server) = tracked(64);
    let connection = find(server.shared.info.id()).unwrap();
    let reads = tokio::spawn(async move {
        let error = server.read(&mut [0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        let error = server.write_all(b"more").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        server
    });
    // The close may come before or after the first poll.
    tokio::task::yield_now().await;
    assert!(connection.close());
    assert_eq!(connection.info().state(), ConnectionState::Closing);
    assert!(!connection.close(), "once is enough");
    let closed = timeout(PATIENCE, client.read(&mut [0; 9])).await;
    assert_eq!(closed.expect("the client is not left waiting").unwrap(), 0);
    let server = timeout(PATIENCE, reads)
        .await
        .expect("it is woken")
        .unwrap();
    drop(server);
    assert!(find(connection.info().id()).is_none());
}

#[tokio::test]
async fn closing_wakes_a_write_to_a_client_that_does_not_read() {
    let (_client, mut server) = tracked(8);
    let connection = find(server.shared.info.id()).unwrap();
    let writes = tokio::spawn(async move {
        let error = server.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    });
    while connection.info().bytes_out() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(connection.close());
    timeout(PATIENCE, writes)
        .await
        .expect("it is woken")
        .unwrap();
}

#[tokio::test]
async fn closing_wakes_what_has_read_and_waits_for_something_else() {
    let (mut client, mut server) = tracked(64);
    let connection = find(server.shared.info.id()).unwrap();
    client.write_all(b"POST").await.unwrap();
    let (has_read, is_read) = tokio::sync::oneshot::channel();
    let mut has_read = Some(has_read);
    // As hyper does while a handler leaves a long body unread: it flushes, and does not read.
    let owner = tokio::spawn(poll_fn(move |cx| {
        if let Some(has_read) = has_read.take() {
            let mut bytes = [0; 4];
            let mut buffer = ReadBuf::new(&mut bytes);
            assert!(Pin::new(&mut server).poll_read(cx, &mut buffer).is_ready());
            has_read.send(()).unwrap();
        }
        match Pin::new(&mut server).poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(error.kind()),
            _ => Poll::Pending,
        }
    }));
    is_read.await.unwrap();
    assert!(connection.close());
    let kind = timeout(PATIENCE, owner).await.expect("it is woken");
    assert_eq!(kind.unwrap(), io::ErrorKind::ConnectionAborted);
}

/// A stream that is closed within its own poll, as if by another thread at that moment.
struct ClosesItself(Arc<Mutex<u64>>);

impl AsyncRead for ClosesItself {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let id = *self.0.lock();
        assert!(find(id).unwrap().close());
        Poll::Pending
    }
}

impl AsyncWrite for ClosesItself {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn closing_during_a_poll_is_not_lost() {
    let id = Arc::new(Mutex::new(0));
    let mut server = track_connection(ClosesItself(Arc::clone(&id)), &"client");
    *id.lock() = server.shared.info.id();
    let read = timeout(PATIENCE, server.read(&mut [0; 1])).await;
    let error = read.expect("it does not wait").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    assert_eq!(Arc::strong_count(&id), 1, "the stream is dropped");
}

#[tokio::test]
async fn http_2_is_known_by_its_preface_however_it_is_cut() {
    for cut in 1..PREFACE.len() {
        let (mut client, mut server) = tracked(256);
        let (first, second) = PREFACE.split_at(cut);
        client.write_all(first).await.unwrap();
        read_some(&mut server).await;
        assert!(!server.shared.info.is_http2());
        client.write_all(second).await.unwrap();
        // HEADERS of stream 1, without a payload.
        client
            .write_all(&[0, 0, 0, 1, 4, 0, 0, 0, 1])
            .await
            .unwrap();
        read_some(&mut server).await;
        let info = &server.shared.info;
        assert!(info.is_http2(), "{cut}");
        assert_eq!((info.active(), info.requests()), (1, 1));
        // DATA with END_STREAM.
        server
            .write_all(&[0, 0, 0, 0, 1, 0, 0, 0, 1])
            .await
            .unwrap();
        assert_eq!(server.shared.info.state(), ConnectionState::Idle);
    }
}

#[tokio::test]
async fn what_begins_like_the_preface_may_be_http_1() {
    let (mut client, mut server) = tracked(256);
    client.write_all(b"PRI * HTTP/1.1\r\n").await.unwrap();
    read_some(&mut server).await;
    assert!(!server.shared.info.is_http2());
    assert_eq!(server.shared.info.state(), ConnectionState::Head);
}

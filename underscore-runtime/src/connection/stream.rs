//! The stream of a connection: counts what it reads and writes, and can be closed from outside.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::current;
use super::http2::{PREFACE, Streams};
use super::info::ConnectionInfo;
use super::registry::{self, OpenConnection};
use crate::sync::{Arc, Mutex, contained};

/// A stream whose connection is listed in `_cat/connections` until this is dropped.
///
/// [`listen`](super::listen) makes one for each connection that it accepts. For an accept loop of
/// its own, a service calls [`track_connection`].
pub struct TrackedStream<T> {
    shared: Arc<Shared<T>>,
    protocol: Protocol,
    is_write_vectored: bool,
}

/// Which protocol the client speaks.
enum Protocol {
    /// The first so many bytes of the preface of HTTP/2 have come, and no other ones.
    Unknown(usize),
    Http1,
    Http2(Box<Streams>),
}

struct Shared<T> {
    info: ConnectionInfo,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    stream: State<T>,
    /// What waits to read, and what waits to write.
    reader: Option<Waker>,
    writer: Option<Waker>,
}

enum State<T> {
    /// No thread is inside the stream. Boxed, so that taking it moves a pointer.
    Open(Box<T>),
    /// A thread is inside the stream, and puts it back.
    Polled,
    /// The stream is dropped, or will be by the thread that is inside of it.
    Closed,
}

#[derive(Clone, Copy)]
enum Direction {
    Read,
    Write,
}

/// Lists the connection of `stream` in `_cat/connections`, for accept loops that do not use
/// [`listen`](super::listen): those of hyper-util and axum-server.
///
/// `remote` is shown as the client's address. The connection is listed until the returned stream is
/// dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use underscore_runtime::track_connection;
///
/// let (mut client, server) = tokio::io::duplex(64);
/// let mut server = track_connection(server, &"10.0.0.7:4242");
/// client.write_all(b"ping").await?;
/// let mut received = [0; 4];
/// server.read_exact(&mut received).await?;
/// assert_eq!(&received, b"ping");
/// # Ok(())
/// # }
/// ```
pub fn track_connection<T>(stream: T, remote: &dyn fmt::Debug) -> TrackedStream<T>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    TrackedStream::new(stream, remote, None)
}

impl<T> TrackedStream<T>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    pub(super) fn new(stream: T, remote: &dyn fmt::Debug, local: Option<&dyn fmt::Debug>) -> Self {
        let is_write_vectored = stream.is_write_vectored();
        let shared = Arc::new(Shared {
            info: ConnectionInfo::new(remote, local),
            inner: Mutex::new(Inner {
                stream: State::Open(Box::new(stream)),
                reader: None,
                writer: None,
            }),
        });
        registry::insert(Arc::<Shared<T>>::clone(&shared));
        current::note_used();
        TrackedStream {
            shared,
            protocol: Protocol::Unknown(0),
            is_write_vectored,
        }
    }

    /// Polls the stream, which no other thread can reach meanwhile. The lock is not held: the
    /// stream may be code of the host's.
    fn poll<R>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        current::set(&self.shared);
        let Some(mut stream) = self.shared.take() else {
            return Poll::Ready(Err(closed()));
        };
        let polled = poll(Pin::new(&mut *stream), cx);
        let waker = polled.is_pending().then(|| cx.waker());
        if self.shared.put_back(stream, direction, waker) {
            polled
        } else {
            Poll::Ready(Err(closed()))
        }
    }
}

impl<T> Shared<T> {
    fn take(&self) -> Option<Box<T>> {
        let mut inner = self.inner.lock();
        match std::mem::replace(&mut inner.stream, State::Polled) {
            State::Open(stream) => Some(stream),
            // Left by a poll that panicked, or by another half of it that is being polled.
            State::Polled => None,
            State::Closed => {
                inner.stream = State::Closed;
                None
            }
        }
    }

    /// Puts the stream back, with the waker of a poll that is pending. False if it was closed
    /// meanwhile.
    fn put_back(&self, stream: Box<T>, direction: Direction, waker: Option<&Waker>) -> bool {
        let unknown = {
            let mut inner = self.inner.lock();
            if matches!(inner.stream, State::Closed) {
                drop(inner);
                drop(stream);
                return false;
            }
            inner.stream = State::Open(stream);
            let known = inner.waker(direction).as_ref();
            waker.filter(|waker| !known.is_some_and(|known| known.will_wake(waker)))
        };
        // A waker is cloned and dropped without the lock, because that is the executor's code.
        let Some(waker) = unknown.cloned() else {
            return true;
        };
        let mut inner = self.inner.lock();
        if matches!(inner.stream, State::Closed) {
            return false;
        }
        let old = inner.waker(direction).replace(waker);
        drop(inner);
        drop(old);
        true
    }

    /// Drops the stream, unless a thread is inside of it, which then does.
    fn close_stream(&self) -> Option<[Option<Waker>; 2]> {
        let (stream, wakers) = {
            let mut inner = self.inner.lock();
            let stream = std::mem::replace(&mut inner.stream, State::Closed);
            let wakers = [inner.reader.take(), inner.writer.take()];
            (stream, wakers)
        };
        match stream {
            State::Closed => None,
            stream => {
                contained(|| drop(stream));
                Some(wakers)
            }
        }
    }
}

impl<T> Inner<T> {
    fn waker(&mut self, direction: Direction) -> &mut Option<Waker> {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }
}

impl<T: Send + 'static> OpenConnection for Shared<T> {
    fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    fn close(&self) -> bool {
        let Some(wakers) = self.close_stream() else {
            return false;
        };
        self.info.set_closed();
        for waker in wakers.into_iter().flatten() {
            contained(|| waker.wake());
        }
        true
    }
}

fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the connection was closed by an operator",
    )
}

impl<T> TrackedStream<T> {
    fn note_read(&mut self, mut bytes: &[u8]) {
        let info = &self.shared.info;
        if let Protocol::Unknown(matched) = self.protocol {
            let rest = PREFACE.get(matched..).unwrap_or_default();
            let common = rest.len().min(bytes.len());
            if rest.get(..common) != bytes.get(..common) {
                self.protocol = Protocol::Http1;
            } else if common < rest.len() {
                self.protocol = Protocol::Unknown(matched.saturating_add(common));
            } else {
                info.set_http2();
                self.protocol = Protocol::Http2(Box::default());
                info.note_read(common);
                bytes = bytes.get(common..).unwrap_or_default();
            }
        }
        info.note_read(bytes.len());
        if let Protocol::Http2(streams) = &mut self.protocol {
            streams.read_from_client(bytes);
            info.set_streams(streams.open(), streams.opened());
        }
    }

    fn note_written<'a>(&mut self, bytes: impl Iterator<Item = &'a [u8]>, written: usize) {
        let info = &self.shared.info;
        info.note_written(written);
        if let Protocol::Http2(streams) = &mut self.protocol {
            let mut left = written;
            for part in bytes {
                let part = part.get(..left.min(part.len())).unwrap_or_default();
                streams.read_from_server(part);
                left = left.saturating_sub(part.len());
            }
            info.set_streams(streams.open(), streams.opened());
        }
    }
}

impl<T> AsyncRead for TrackedStream<T>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = self.poll(Direction::Read, cx, |stream, cx| {
            stream.poll_read(cx, buffer)
        });
        let read = buffer.filled().get(before..).unwrap_or_default();
        if !read.is_empty() {
            self.note_read(read);
        }
        polled
    }
}

impl<T> AsyncWrite for TrackedStream<T>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = self.poll(Direction::Write, cx, |stream, cx| {
            stream.poll_write(cx, bytes)
        });
        self.shared.info.set_writing(polled.is_pending());
        if let Poll::Ready(Ok(written)) = polled {
            self.note_written([bytes].into_iter(), written);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = self.poll(Direction::Write, cx, |stream, cx| {
            stream.poll_write_vectored(cx, parts)
        });
        self.shared.info.set_writing(polled.is_pending());
        if let Poll::Ready(Ok(written)) = polled {
            self.note_written(parts.iter().map(|part| &**part), written);
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.is_write_vectored
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(Direction::Write, cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(Direction::Write, cx, AsyncWrite::poll_shutdown)
    }
}

impl<T> Drop for TrackedStream<T> {
    fn drop(&mut self) {
        let wakers = self.shared.close_stream();
        registry::remove(self.shared.info.id());
        contained(|| drop(wakers));
    }
}

impl<T> fmt::Debug for TrackedStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackedStream")
            .field("connection", &self.shared.info.id())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;
    use crate::connection::{ConnectionState, find};

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
    async fn closing_wakes_what_reads_and_the_client_sees_it() {
        let (mut client, mut server) = tracked(64);
        let connection = find(server.shared.info.id()).unwrap();
        let reads = tokio::spawn(async move {
            let error = server.read(&mut [0; 9]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
            let error = server.write_all(b"more").await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
            server
        });
        // In its own order: the close may come before the first poll, or after.
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
    async fn closing_wakes_what_writes_to_a_client_that_does_not_read() {
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

    /// A stream that is closed from within its own poll, as by another thread at that moment.
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
            server.read(&mut [0; 64]).await.unwrap();
            assert!(!server.shared.info.is_http2());
            client.write_all(second).await.unwrap();
            // HEADERS of stream 1, without a payload.
            client
                .write_all(&[0, 0, 0, 1, 4, 0, 0, 0, 1])
                .await
                .unwrap();
            server.read(&mut [0; 64]).await.unwrap();
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
        server.read(&mut [0; 64]).await.unwrap();
        assert!(!server.shared.info.is_http2());
        assert_eq!(server.shared.info.state(), ConnectionState::Head);
    }
}

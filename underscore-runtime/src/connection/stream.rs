//! The stream of a connection: it counts the bytes read and written, and any thread can close it.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::current;
use super::http2::{PREFACE, Streams};
use super::info::ConnectionInfo;
use super::registry;
use super::shared::{Direction, SharedStream};
use crate::sync::{Arc, contained};

/// A stream whose connection is listed in `_cat/connections` until this is dropped.
///
/// [`listen`](super::listen) creates one for each accepted connection. A service with its own
/// accept loop calls [`track_connection`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use tokio::io::DuplexStream;
/// use underscore_runtime::{TrackedStream, track_connection};
///
/// let (_client, server) = tokio::io::duplex(64);
/// let server: TrackedStream<DuplexStream> = track_connection(server, &"client");
/// assert!(format!("{server:?}").starts_with("TrackedStream"));
/// # }
/// ```
pub struct TrackedStream<T> {
    pub(super) shared: Arc<SharedStream<T>>,
    protocol: Protocol,
    is_write_vectored: bool,
}

/// The protocol of the client.
enum Protocol {
    /// All bytes so far match the HTTP/2 preface; the number of them.
    Unknown(usize),
    Http1,
    Http2(Box<Streams>),
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
        let shared = Arc::new(SharedStream::new(
            stream,
            ConnectionInfo::new(remote, local),
        ));
        registry::insert(Arc::<SharedStream<T>>::clone(&shared));
        current::mark_used();
        TrackedStream {
            shared,
            protocol: Protocol::Unknown(0),
            is_write_vectored,
        }
    }

    /// Polls the stream, which is taken out of the lock for that time, because it may be code of
    /// the host.
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
        if self.shared.put_back(stream, direction, cx.waker()) {
            polled
        } else {
            Poll::Ready(Err(closed()))
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the connection was closed by an operator",
    )
}

impl<T> TrackedStream<T> {
    fn record_read(&mut self, mut bytes: &[u8]) {
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
                info.record_read(common);
                bytes = bytes.get(common..).unwrap_or_default();
            }
        }
        info.record_read(bytes.len());
        if let Protocol::Http2(streams) = &mut self.protocol {
            streams.read_from_client(bytes);
            info.set_streams(streams.open(), streams.opened());
        }
    }

    fn record_written<'a>(&mut self, bytes: impl Iterator<Item = &'a [u8]>, written: usize) {
        let info = &self.shared.info;
        info.record_written(written);
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
            self.record_read(read);
        }
        polled
    }
}

/// True if a write of `length` bytes has to go on.
fn is_incomplete(polled: &Poll<io::Result<usize>>, length: usize) -> bool {
    match polled {
        Poll::Ready(Ok(written)) => *written < length,
        Poll::Ready(Err(_)) => false,
        Poll::Pending => true,
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
        let is_writing = is_incomplete(&polled, bytes.len());
        self.shared.info.set_writing(is_writing);
        if let Poll::Ready(Ok(written)) = polled {
            self.record_written([bytes].into_iter(), written);
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
        let length = parts.iter().map(|part| part.len()).sum();
        self.shared.info.set_writing(is_incomplete(&polled, length));
        if let Poll::Ready(Ok(written)) = polled {
            self.record_written(parts.iter().map(|part| &**part), written);
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

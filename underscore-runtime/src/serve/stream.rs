//! The byte stream of a connection. It counts what is read and written, and returns its descriptor
//! to the reserve at the end.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;

use super::connections::{ConnectionGuard, Phase};
use super::fd_reserve::FdReserve;
use crate::admin::BadRequest;
use crate::sync::Arc;

/// The stream that hyper reads and writes.
#[derive(Debug)]
pub(super) struct Stream {
    /// `Some` until the stream is dropped.
    socket: Option<UnixStream>,
    connection: Arc<ConnectionGuard>,
    reserve: Arc<FdReserve>,
}

impl Stream {
    pub(super) fn new(
        socket: UnixStream,
        connection: Arc<ConnectionGuard>,
        reserve: Arc<FdReserve>,
    ) -> Self {
        Stream {
            socket: Some(socket),
            connection,
            reserve,
        }
    }

    /// Sends the response for a request that was not read, if it can be written at once.
    pub(super) fn refuse(&self, why: &BadRequest) {
        if let Some(socket) = &self.socket {
            // If the socket buffer is full, the client gets no response.
            let _ = socket.try_write(&why.response());
        }
    }

    /// The response to write in place of `bytes`, if hyper made them. Without a request they are
    /// its own response to a head that it could not parse: a status without a body.
    fn replacement(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !matches!(self.connection.phase(), Phase::Idle | Phase::Head) {
            return None;
        }
        let status = bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
        let status = std::str::from_utf8(status).ok()?.parse().ok()?;
        Some(BadRequest::with_status(status)?.response())
    }

    fn socket(&mut self) -> io::Result<Pin<&mut UnixStream>> {
        let socket = self.socket.as_mut().map(Pin::new);
        socket.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let mut socket = self.socket()?;
        ready!(socket.as_mut().poll_read(cx, buffer))?;
        let read = buffer.filled().len().saturating_sub(before);
        if read > 0 {
            self.connection.on_read(read);
        } else if room > 0 && has_left(&socket, cx) {
            // A client that only ended its half of the connection may wait for the response.
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bytes.first().map_or(&[][..], |first| first);
        if let Some(response) = self.replacement(first) {
            // It fits in the empty buffer of a socket.
            ready!(self.socket()?.poll_write(cx, &response))?;
            return Poll::Ready(Ok(bytes.iter().map(|slice| slice.len()).sum()));
        }
        let written = ready!(self.socket()?.poll_write_vectored(cx, bytes))?;
        self.connection.on_write(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes in each turn, and does not read while a request is answered and while the
        // response is streamed, so a client that leaves is noticed here.
        let is_answering = matches!(self.connection.phase(), Phase::Handling | Phase::Responding);
        if is_answering && has_left(&*self.socket()?, cx) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        ready!(self.socket()?.poll_flush(cx))?;
        self.connection.on_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }
}

/// True if the client has closed both directions.
fn has_left(socket: &UnixStream, cx: &mut Context<'_>) -> bool {
    let ready = pin!(socket.ready(Interest::WRITABLE)).poll(cx);
    matches!(ready, Poll::Ready(Ok(ready)) if ready.is_write_closed())
}

impl Drop for Stream {
    fn drop(&mut self) {
        let socket = self.socket.take().and_then(|socket| socket.into_std().ok());
        if let Some(socket) = socket.filter(|_| !self.reserve.is_full()) {
            // Closed for the client, while the descriptor stays open.
            let _ = socket.shutdown(Shutdown::Both);
            self.reserve.put_back(OwnedFd::from(socket));
        }
    }
}

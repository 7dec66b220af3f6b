//! The bytes of a connection: counted, and at the end its descriptor goes where it is needed.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;

use super::connections::{Phase, Place};
use super::reserve::Reserve;
use crate::admin::BadRequest;
use crate::sync::Arc;

/// A connection on which hyper reads and writes.
#[derive(Debug)]
pub(super) struct Stream {
    /// There until it is dropped.
    socket: Option<UnixStream>,
    place: Arc<Place>,
    reserve: Arc<Reserve>,
}

impl Stream {
    pub(super) fn new(socket: UnixStream, place: Arc<Place>, reserve: Arc<Reserve>) -> Self {
        Stream {
            socket: Some(socket),
            place,
            reserve,
        }
    }

    /// Tells the client why its request was not read, if that can be said at once.
    pub(super) fn refuse(&self, why: &BadRequest) {
        if let Some(socket) = &self.socket {
            // A client that reads nothing is told nothing.
            let _ = socket.try_write(&why.response());
        }
    }

    /// What is to be written in place of `bytes`. With no request, they are hyper's own: it could not read the head,
    /// and says so with a status alone.
    fn instead_of(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !matches!(self.place.phase(), Phase::Idle | Phase::Head) {
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
            self.place.read(read);
        } else if room > 0 && has_left(&socket, cx) {
            // Otherwise the client has no more to ask, and may wait for the answer.
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
        if let Some(instead) = self.instead_of(first) {
            // It is less than what a socket takes that nothing was written to.
            ready!(self.socket()?.poll_write(cx, &instead))?;
            return Poll::Ready(Ok(bytes.iter().map(|slice| slice.len()).sum()));
        }
        let written = ready!(self.socket()?.poll_write_vectored(cx, bytes))?;
        self.place.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Tried at each turn, whether there is something to send or not; nothing is read while a request is answered.
        let is_awaited = self.place.phase() != Phase::Exchange || !has_left(&*self.socket()?, cx);
        if !is_awaited {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        ready!(self.socket()?.poll_flush(cx))?;
        self.place.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }
}

/// Whether nothing can be sent to the client either.
fn has_left(socket: &UnixStream, cx: &mut Context<'_>) -> bool {
    let ready = pin!(socket.ready(Interest::WRITABLE)).poll(cx);
    matches!(ready, Poll::Ready(Ok(ready)) if ready.is_write_closed())
}

impl Drop for Stream {
    fn drop(&mut self) {
        let socket = self.socket.take().and_then(|socket| socket.into_std().ok());
        if let Some(socket) = socket.filter(|_| !self.reserve.is_whole()) {
            // As good as closed for the client, but the descriptor stays here.
            let _ = socket.shutdown(Shutdown::Both);
            self.reserve.take_back(OwnedFd::from(socket));
        }
    }
}

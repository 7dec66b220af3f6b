//! A stream that its owner polls and that any thread can close.

use std::fmt;
use std::task::Waker;

use super::info::ConnectionInfo;
use super::registry::OpenConnection;
use crate::sync::{Mutex, contained};

/// The stream of a connection and its recorded data.
pub(super) struct SharedStream<T> {
    pub(super) info: ConnectionInfo,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    stream: State<T>,
    /// Waker of the last read, also of one that was ready: hyper does not read on while a handler
    /// leaves the rest of a long body unread.
    reader: Option<Waker>,
    /// Waker of the last write.
    writer: Option<Waker>,
}

enum State<T> {
    /// Not being polled. Boxed, so that taking it moves a pointer.
    Open(Box<T>),
    /// Taken by a thread that polls it and puts it back.
    Polled,
    /// Dropped, or being polled by a thread that then drops it.
    Closed,
}

#[derive(Clone, Copy)]
pub(super) enum Direction {
    Read,
    Write,
}

impl<T> SharedStream<T> {
    pub(super) fn new(stream: T, info: ConnectionInfo) -> Self {
        SharedStream {
            info,
            inner: Mutex::new(Inner {
                stream: State::Open(Box::new(stream)),
                reader: None,
                writer: None,
            }),
        }
    }

    /// Takes the stream for a poll. `None` if it is closed.
    pub(super) fn take(&self) -> Option<Box<T>> {
        let mut inner = self.inner.lock();
        match std::mem::replace(&mut inner.stream, State::Polled) {
            State::Open(stream) => Some(stream),
            // An earlier poll has panicked.
            State::Polled => None,
            State::Closed => {
                inner.stream = State::Closed;
                None
            }
        }
    }

    /// Puts the stream back, with the waker of the poll. False if the connection was closed during
    /// the poll.
    pub(super) fn put_back(&self, stream: Box<T>, direction: Direction, waker: &Waker) -> bool {
        let is_known = {
            let mut inner = self.inner.lock();
            if matches!(inner.stream, State::Closed) {
                drop(inner);
                drop(stream);
                return false;
            }
            inner.stream = State::Open(stream);
            let known = inner.waker(direction).as_ref();
            known.is_some_and(|known| known.will_wake(waker))
        };
        if is_known {
            return true;
        }
        // Cloned and dropped without the lock, because a waker runs code of its executor.
        let waker = waker.clone();
        let mut inner = self.inner.lock();
        if matches!(inner.stream, State::Closed) {
            return false;
        }
        let old = inner.waker(direction).replace(waker);
        drop(inner);
        drop(old);
        true
    }

    /// Drops the stream, or leaves that to the thread that polls it. `None` if it was closed
    /// already.
    pub(super) fn close_stream(&self) -> Option<[Option<Waker>; 2]> {
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

impl<T: Send + 'static> OpenConnection for SharedStream<T> {
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

impl<T> fmt::Debug for SharedStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info.fmt(f)
    }
}

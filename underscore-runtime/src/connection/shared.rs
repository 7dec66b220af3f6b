//! A stream that its owner polls and that any thread can close.

use std::fmt;
use std::task::Waker;

use super::info::ConnectionInfo;
use super::registry::OpenConnection;
use crate::sync::{Mutex, contained};

/// The stream of a connection, and its data.
pub(super) struct Shared<T> {
    pub(super) info: ConnectionInfo,
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
pub(super) enum Direction {
    Read,
    Write,
}

impl<T> Shared<T> {
    pub(super) fn new(stream: T, info: ConnectionInfo) -> Self {
        Shared {
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
    pub(super) fn put_back(
        &self,
        stream: Box<T>,
        direction: Direction,
        waker: Option<&Waker>,
    ) -> bool {
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

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info.fmt(f)
    }
}

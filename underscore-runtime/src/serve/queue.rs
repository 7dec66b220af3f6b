//! The connections that wait to be taken, and whether there are any: without a descriptor to have, asking for one more
//! does not tell, for the kernel looks for a descriptor first.

use std::io;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::sleep;

/// How long it is waited before it is tried again to watch the queue.
const RETRY: Duration = Duration::from_millis(20);

/// A socket that listens.
#[derive(Debug)]
pub(super) struct Queue {
    /// Kept beside the one that is watched, so that the socket stays whatever becomes of that.
    listener: UnixListener,
    watched: tokio::net::UnixListener,
}

impl Queue {
    /// To be called where the runtime is that takes from it.
    pub(super) fn new(listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let watched = watched(&listener)?;
        Ok(Queue { listener, watched })
    }

    /// Waits for a connection. It may fail for want of a descriptor where nobody waits.
    pub(super) async fn take(&self) -> io::Result<UnixStream> {
        let (socket, _) = self.watched.accept().await?;
        Ok(socket)
    }

    /// Takes a connection, with nothing done before it.
    pub(super) fn take_now(&self) -> io::Result<UnixStream> {
        let (socket, _) = self.listener.accept()?;
        socket.set_nonblocking(true)?;
        UnixStream::from_std(socket)
    }

    /// The same queue, as it is now: the next time that taking fails for want of a descriptor, somebody waits.
    pub(super) async fn seen_anew(self) -> Self {
        let Queue { listener, watched } = self;
        // The system says of what it is asked to watch how it is.
        match watched
            .into_std()
            .and_then(tokio::net::UnixListener::from_std)
        {
            Ok(watched) => Queue { listener, watched },
            Err(_) => Self::of(listener).await,
        }
    }

    /// The queue of a socket that does not block, as soon as it can be watched.
    pub(super) async fn of(listener: UnixListener) -> Self {
        loop {
            match watched(&listener) {
                Ok(watched) => return Queue { listener, watched },
                Err(_) => sleep(RETRY).await,
            }
        }
    }
}

/// The same socket, watched by the system.
fn watched(listener: &UnixListener) -> io::Result<tokio::net::UnixListener> {
    tokio::net::UnixListener::from_std(listener.try_clone()?)
}

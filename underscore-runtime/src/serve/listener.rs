//! The listening socket, and whether a connection is pending on it. When no descriptor is free,
//! `accept` fails with EMFILE even if none is pending, because the kernel allocates the descriptor
//! first; readiness that was registered after the last accept tells the two apart.

use std::io;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::sleep;

/// Delay before another attempt to register the socket.
const RETRY: Duration = Duration::from_millis(20);

/// A listening socket, registered with the admin runtime.
#[derive(Debug)]
pub(super) struct Listener {
    /// Kept beside the registered duplicate, so that the socket stays open if registering fails.
    socket: UnixListener,
    registered: tokio::net::UnixListener,
}

impl Listener {
    /// Registers `socket` with the current runtime.
    pub(super) fn new(socket: UnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let registered = duplicate(&socket)?;
        Ok(Listener { socket, registered })
    }

    /// Waits for a connection. May fail with EMFILE although none is pending.
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        let (socket, _) = self.registered.accept().await?;
        Ok(socket)
    }

    /// Calls `accept(2)` at once, without a check of readiness.
    pub(super) fn try_accept(&self) -> io::Result<UnixStream> {
        let (socket, _) = self.socket.accept()?;
        socket.set_nonblocking(true)?;
        UnixStream::from_std(socket)
    }

    /// Registers the socket again. The kernel reports the current readiness of a socket when it is
    /// registered, so a following EMFILE means that a connection is pending.
    pub(super) async fn reregister(self) -> Self {
        let Listener { socket, registered } = self;
        match registered
            .into_std()
            .and_then(tokio::net::UnixListener::from_std)
        {
            Ok(registered) => Listener { socket, registered },
            Err(_) => Self::register(socket).await,
        }
    }

    /// Registers a non-blocking socket, with retries until that succeeds.
    pub(super) async fn register(socket: UnixListener) -> Self {
        loop {
            match duplicate(&socket) {
                Ok(registered) => return Listener { socket, registered },
                Err(_) => sleep(RETRY).await,
            }
        }
    }
}

/// Duplicates the descriptor and registers the duplicate.
fn duplicate(socket: &UnixListener) -> io::Result<tokio::net::UnixListener> {
    tokio::net::UnixListener::from_std(socket.try_clone()?)
}

//! The accept loop. It serves even if there are too many connections or no descriptor is free.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::connection;
use super::connections::Connections;
use super::fd_reserve::FdReserve;
use super::limits::Limits;
use super::listener::Listener;
use super::peer;
use super::rebind::Rebinder;
use super::stream::Stream;
use crate::admin::Peer;
use crate::fd;
use crate::sync::Arc;

/// Delay after an error without a remedy.
const RETRY: Duration = Duration::from_millis(20);

/// Interval between attempts to fill the reserve.
const REFILL: Duration = Duration::from_secs(1);

/// Serves `api` until `stopped` completes. Requests in progress then have `grace` to complete.
pub(super) async fn serve(
    sockets: (Listener, Rebinder),
    api: Router,
    limits: Limits,
    stopped: impl Future<Output = ()>,
    grace: Duration,
) {
    let server = Server {
        api,
        limits,
        connections: Arc::new(Connections::new(limits)),
        reserve: Arc::new(FdReserve::new()),
        stop: watch::Sender::new(()),
    };
    tokio::select! {
        () = server.accept_all(sockets) => {}
        () = stopped => {}
    }
    server.stop.send_replace(());
    // The remaining connections end with the runtime.
    let _ = timeout(grace, server.connections.all_ended()).await;
}

struct Server {
    api: Router,
    limits: Limits,
    connections: Arc<Connections>,
    reserve: Arc<FdReserve>,
    /// Tells the connections to serve no further request.
    stop: watch::Sender<()>,
}

impl Server {
    /// Accepts connections. Never returns.
    async fn accept_all(&self, (mut listener, mut rebinder): (Listener, Rebinder)) {
        // True if readiness was re-registered after the last accept.
        let mut is_fresh = true;
        loop {
            let accepted = tokio::select! {
                biased;
                // First: connections that are pending on a deleted socket are served.
                accepted = listener.accept() => accepted,
                socket = rebinder.next() => {
                    // Dropped first, because the new one needs descriptors, too.
                    drop(listener);
                    listener = Listener::register(socket).await;
                    is_fresh = true;
                    continue;
                }
                () = sleep(REFILL), if !self.reserve.is_full() => {
                    self.reserve.refill();
                    continue;
                }
            };
            let accepted = match accepted {
                Err(error) if fd::is_exhausted(&error) => {
                    if !is_fresh {
                        listener = listener.reregister().await;
                        is_fresh = true;
                        continue;
                    }
                    self.accept_with_reserve(&listener)
                }
                accepted => accepted,
            };
            match accepted {
                Ok(socket) => {
                    is_fresh = false;
                    self.admit(socket).await;
                }
                // Another process that listens on the same socket has accepted the connection.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.reserve.refill();
                    listener = listener.reregister().await;
                    is_fresh = true;
                }
                // The whole reserve is in use, so a connection has to end.
                Err(error) if fd::is_exhausted(&error) => {
                    self.connections.end_one(None).await;
                }
                Err(_) => sleep(RETRY).await,
            }
        }
    }

    /// Accepts a connection with a descriptor of the reserve. No other call stands between the
    /// release and the accept, because other threads open descriptors as well. If one of them is
    /// faster, the next descriptor is released.
    fn accept_with_reserve(&self, listener: &Listener) -> io::Result<UnixStream> {
        loop {
            let was_released = self.reserve.release();
            match listener.try_accept() {
                Err(error) if was_released && fd::is_exhausted(&error) => {}
                accepted => return accepted,
            }
        }
    }

    async fn admit(&self, socket: UnixStream) {
        let peer = peer::credentials(&socket);
        self.connections.make_room(peer.uid).await;
        self.open(socket, peer);
        self.reserve.refill();
        // The connection reads what has arrived before it can be chosen to make room: in its first
        // turn it becomes ready, in the second one it reads.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }

    fn open(&self, socket: UnixStream, peer: Peer) {
        let guard = Arc::new(self.connections.register(peer.uid));
        let stream = Stream::new(socket, Arc::clone(&guard), Arc::clone(&self.reserve));
        let serving = connection::serve(
            stream,
            Arc::clone(&guard),
            peer,
            self.api.clone(),
            self.limits,
            self.stop.subscribe(),
        );
        guard.set_task(tokio::spawn(serving).abort_handle());
    }
}

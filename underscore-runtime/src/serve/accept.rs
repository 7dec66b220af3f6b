//! Taking connections, also when there are too many of them or no descriptor is left.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::UnixStream;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use super::connection;
use super::connections::Connections;
use super::limits::Limits;
use super::peer;
use super::queue::Queue;
use super::renewal::Renewals;
use super::reserve::Reserve;
use super::stream::Stream;
use crate::admin::Peer;
use crate::fd;
use crate::sync::Arc;

/// How long it is waited after an error for which nothing can be done.
const RETRY: Duration = Duration::from_millis(20);

/// How often it is tried to have the reserve whole again.
const REFILL: Duration = Duration::from_secs(1);

/// Serves `api` to whoever connects, until it is told to stop. Requests under way then have `grace` to end.
pub(super) async fn serve(
    from: (Queue, Renewals),
    api: Router,
    limits: Limits,
    stopped: oneshot::Receiver<()>,
    grace: Duration,
) {
    let server = Server {
        api,
        limits,
        connections: Arc::new(Connections::new(limits)),
        reserve: Arc::new(Reserve::new()),
        stop: watch::Sender::new(()),
    };
    let stopped = async {
        // The handle was dropped without a word: the server stays.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = server.take(from) => {}
        () = stopped => {}
    }
    server.stop.send_replace(());
    // Those that are left are ended with the runtime.
    let _ = timeout(grace, server.connections.all_ended()).await;
}

struct Server {
    api: Router,
    limits: Limits,
    connections: Arc<Connections>,
    reserve: Arc<Reserve>,
    /// Says to the connections that no other request is served on them.
    stop: watch::Sender<()>,
}

impl Server {
    /// Takes connections for ever.
    async fn take(&self, (mut queue, mut renewals): (Queue, Renewals)) {
        // Whether what is known of the queue is no older than the last connection that was taken.
        let mut is_known = true;
        loop {
            let taken = tokio::select! {
                biased;
                // First: who waits in the queue of a socket that is gone is served.
                taken = queue.take() => taken,
                listener = renewals.next() => {
                    // First, for the new one needs descriptors, too.
                    drop(queue);
                    queue = Queue::of(listener).await;
                    is_known = true;
                    continue;
                }
                () = sleep(REFILL), if !self.reserve.is_whole() => {
                    self.reserve.refill();
                    continue;
                }
            };
            let taken = match taken {
                Err(error) if fd::is_exhausted(&error) => {
                    if !is_known {
                        queue = queue.seen_anew().await;
                        is_known = true;
                        continue;
                    }
                    self.take_with_reserve(&queue)
                }
                taken => taken,
            };
            match taken {
                Ok(socket) => {
                    is_known = false;
                    self.let_in(socket).await;
                }
                // Another process that listens here as well was faster.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.reserve.refill();
                    queue = queue.seen_anew().await;
                    is_known = true;
                }
                // All of the reserve is in use, so a connection has to end.
                Err(error) if fd::is_exhausted(&error) => {
                    self.connections.end_one(None).await;
                }
                Err(_) => sleep(RETRY).await,
            }
        }
    }

    /// Takes a connection for a descriptor of the reserve. Between giving up the one and asking for the other nothing
    /// is done, for other threads ask too; if one is faster, it is tried with the next.
    fn take_with_reserve(&self, queue: &Queue) -> io::Result<UnixStream> {
        loop {
            let was_there = self.reserve.give_up();
            match queue.take_now() {
                Err(error) if was_there && fd::is_exhausted(&error) => {}
                taken => return taken,
            }
        }
    }

    async fn let_in(&self, socket: UnixStream) {
        let peer = peer::of(&socket);
        self.connections.make_room(peer.uid).await;
        self.open(socket, peer);
        self.reserve.refill();
        // What it has sent already is read before it can be the one that makes room: in the first turn it learns that
        // there is something, in the second it reads it.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }

    fn open(&self, socket: UnixStream, peer: Peer) {
        let place = Arc::new(self.connections.enter(peer.uid));
        let stream = Stream::new(socket, Arc::clone(&place), Arc::clone(&self.reserve));
        let serving = connection::serve(
            stream,
            Arc::clone(&place),
            peer,
            self.api.clone(),
            self.limits,
            self.stop.subscribe(),
        );
        place.is_served_by(tokio::spawn(serving).abort_handle());
    }
}

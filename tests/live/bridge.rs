//! A TCP port that leads to a Unix socket, as with `ssh -L 9000:/run/app.sock host`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

/// A forwarded port. Dropping it closes the port and its connections.
pub(crate) struct Bridge {
    address: SocketAddr,
    socket: PathBuf,
    forwarding: Option<JoinHandle<()>>,
}

impl Bridge {
    /// Forwards a free port of loopback to `socket`.
    pub(crate) async fn start(socket: &Path) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), socket).await
    }

    /// Forwards this port to `socket`.
    pub(crate) async fn start_at(address: SocketAddr, socket: &Path) -> Self {
        let mut bridge = Bridge {
            address,
            socket: socket.to_owned(),
            forwarding: None,
        };
        bridge.restart().await;
        bridge
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of a path of the admin API.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Closes the port and its connections, like an ssh that is gone.
    pub(crate) async fn stop(&mut self) {
        if let Some(forwarding) = self.forwarding.take() {
            forwarding.abort();
            // It is cancelled, and the port is free from now on.
            let _ = forwarding.await;
        }
    }

    /// Opens the same port again.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await;
        let listener = listener.expect("the port is free");
        self.address = listener.local_addr().expect("it is bound");
        self.forwarding = Some(tokio::spawn(forward(listener, self.socket.clone())));
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if let Some(forwarding) = &self.forwarding {
            forwarding.abort();
        }
    }
}

async fn forward(listener: TcpListener, socket: PathBuf) {
    // Aborts the connections when it is dropped.
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("it is accepted");
        connections.spawn(copy(client, socket.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Copies until both sides are closed. A client is disconnected if nothing listens at `socket`.
async fn copy(mut client: TcpStream, socket: PathBuf) {
    if let Ok(mut server) = UnixStream::connect(socket).await {
        // Either side may reset its connection.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

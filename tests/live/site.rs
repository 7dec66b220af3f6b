//! A web site on loopback that is not the service.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::middleware::map_response;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running site, stopped on drop.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Site {
    /// Serves `pages` on a free port. Connections are closed after each response, so that a browser
    /// keeps none to a site that is stopped, unless they are upgraded.
    pub(crate) async fn start(pages: Router) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let pages = pages.layer(map_response(|mut response: Response| async {
            let close = HeaderValue::from_static("close");
            response.headers_mut().entry(CONNECTION).or_insert(close);
            response
        }));
        let serving = tokio::spawn(async {
            axum::serve(listener, pages).await.expect("it serves");
        });
        Site { address, serving }
    }

    /// The URL of a path, with this name of the host.
    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    /// Stops it and frees its port.
    pub(crate) async fn stop(mut self) {
        self.serving.abort();
        // It is cancelled.
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

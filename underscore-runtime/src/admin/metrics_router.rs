//! The router for Prometheus: the metrics, and nothing else of the admin API.

use axum::Router;
use axum::extract::Request as HttpRequest;
use axum::routing::get;

use super::cost::Cost;
use super::cross_origin;
use super::dispatch::{Target, dispatch};
use super::endpoint::Endpoint;
use super::metrics;
use super::router::{start, with_trailing_slash};
use crate::sync::Arc;

static METRICS: Endpoint =
    Endpoint::read(&["/metrics"], Cost::Everything, metrics::get).with_own_formats();

/// Returns a router that answers `GET /metrics` with the metrics of the admin API, to be served on
/// TCP: Prometheus does not scrape Unix sockets.
///
/// It has no other path and changes nothing. Clients may call it by any host name, because
/// Prometheus scrapes by address or by any name in the DNS. The metrics name the routes and tell
/// how they are used, so serve it on a port that only Prometheus reaches, beside the service's own.
///
/// Scrapes run on the few threads of the admin API, and never block a worker of the host's runtime.
///
/// ```
/// use axum::Router;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let metrics: Router = underscore_runtime::metrics_router();
/// let port = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let address = port.local_addr()?;
/// tokio::spawn(axum::serve(port, metrics).into_future());
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// # let mut client = tokio::net::TcpStream::connect(address).await?;
/// # client.write_all(b"GET /metrics HTTP/1.1\r\nhost: app.example\r\nconnection: close\r\n\r\n").await?;
/// # let mut text = String::new();
/// # client.read_to_string(&mut text).await?;
/// // curl http://.../metrics
/// assert!(text.contains("\nunderscore_workers{state=\"blocked\"} 0\n"));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub fn metrics_router() -> Router {
    let (housekeeping, pool) = start();
    let target = Target {
        endpoint: &METRICS,
        has_argument: false,
        any_host: true,
    };
    let answer = move |request: HttpRequest| {
        let _ = &housekeeping;
        dispatch(target, Arc::clone(&pool), request)
    };
    let mut router = Router::new();
    for path in with_trailing_slash("/metrics") {
        router = router.route(&path, get(answer.clone()));
    }
    cross_origin::restrict_all(router)
}

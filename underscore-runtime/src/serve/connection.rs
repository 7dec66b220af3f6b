//! Serving one connection: HTTP/1.1 on it, with an end to a client's time.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::connections::{Phase, Place};
use super::limits::{LARGEST_HEAD, Limits};
use super::stream::Stream;
use crate::admin::{BadRequest, Peer};
use crate::sync::Arc;

/// How often it is asked, while a request is answered, whether the client is still there.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Serves `stream` until the client leaves or has taken too long, or until it has its answer after `stop` has said
/// something.
pub(super) async fn serve(
    stream: Stream,
    place: Arc<Place>,
    peer: Peer,
    api: Router,
    limits: Limits,
    mut stop: watch::Receiver<()>,
) {
    let api = TowerToHyperService::new(api);
    let answering = Arc::clone(&place);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        answering.began();
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer.clone()));
        let (response, place) = (api.call(request), Arc::clone(&answering));
        Box::pin(async move {
            let response = response.await?;
            let bytes = response.body().size_hint().lower();
            place.answered(usize::try_from(bytes).unwrap_or(usize::MAX));
            Ok::<Response, Infallible>(response)
        })
    });
    let mut connection = http1::Builder::new()
        .max_buf_size(LARGEST_HEAD)
        // Whether a client has left altogether, the stream says.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut late = pin!(late(&place));
    let mut stopping = false;
    loop {
        tokio::select! {
            // First the connection: when a client is late depends on what it has done.
            biased;
            _ = &mut connection => return,
            () = &mut late => break,
            _ = stop.changed(), if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    if place.phase() == Phase::Head {
        let stream = connection.into_parts().io.into_inner();
        stream.refuse(&BadRequest::late(limits.read));
    }
}

/// Waits until the client has taken too long. To be polled whenever the connection is. While there is nothing that
/// the client could be late with, it has the connection polled from time to time, which then finds out if it has left.
async fn late(place: &Place) {
    let mut sleep = pin!(sleep_until(Instant::now()));
    poll_fn(|cx| {
        loop {
            let deadline = place.deadline();
            let now = Instant::now();
            let look = now.checked_add(LOOK_EVERY).unwrap_or(now);
            let is_far = sleep.is_elapsed() || sleep.deadline() > look;
            match deadline {
                Some(deadline) if sleep.deadline() != deadline => sleep.as_mut().reset(deadline),
                None if is_far => sleep.as_mut().reset(look),
                _ => {}
            }
            match sleep.as_mut().poll(cx) {
                Poll::Ready(()) if deadline.is_none() => {}
                polled => return polled,
            }
        }
    })
    .await;
}

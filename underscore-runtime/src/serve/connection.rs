//! Serves HTTP/1.1 on one connection, with a deadline for the client.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::connections::{ConnectionGuard, Phase};
use super::limits::{Limits, MAX_HEAD};
use super::stream::Stream;
use crate::admin::{BadRequest, Endless, Peer};
use crate::sync::Arc;

/// Interval between checks of whether the client is still connected, while a request is answered.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// Time for the last bytes of a response without an end, once the server shuts down. Its client may
/// not read at all.
const LAST_BYTES: Duration = Duration::from_millis(50);

/// Serves `stream` until the client disconnects or exceeds its deadline, or until the current
/// request is answered after `stop` has changed.
pub(super) async fn serve(
    stream: Stream,
    guard: Arc<ConnectionGuard>,
    peer: Peer,
    api: Router,
    limits: Limits,
    mut stop: watch::Receiver<()>,
) {
    let api = TowerToHyperService::new(api);
    let answering = Arc::clone(&guard);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        answering.on_request();
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer.clone()));
        let (response, guard) = (api.call(request), Arc::clone(&answering));
        Box::pin(async move {
            let response = response.await?;
            let size = response.body().size_hint();
            guard.on_response(usize::try_from(size.lower()).unwrap_or(usize::MAX));
            if size.exact().is_some() {
                return Ok::<Response, Infallible>(response);
            }
            let is_endless = response.extensions().get::<Endless>().is_some();
            Ok(response.map(|body| Body::new(StreamedBody::new(body, guard, is_endless))))
        })
    });
    let mut connection = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        // The stream reports a client that has closed both directions.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut late = pin!(late(&guard));
    let mut stopping = false;
    loop {
        tokio::select! {
            // The connection first: it moves the deadline.
            biased;
            _ = &mut connection => return,
            () = &mut late => break,
            _ = stop.changed(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
                if guard.on_stop() {
                    let _ = timeout(LAST_BYTES, &mut connection).await;
                    return;
                }
            }
        }
    }
    if guard.phase() == Phase::Head {
        let stream = connection.into_parts().io.into_inner();
        stream.refuse(&BadRequest::late(limits.read));
    }
}

/// A body of unknown length. While it lasts, the connection is not idle, even if all bytes so far
/// are written. A body without an end ends when the server shuts down.
struct StreamedBody {
    body: Body,
    guard: Arc<ConnectionGuard>,
}

impl StreamedBody {
    fn new(body: Body, guard: Arc<ConnectionGuard>, is_endless: bool) -> Self {
        guard.on_stream(is_endless);
        StreamedBody { body, guard }
    }
}

impl HttpBody for StreamedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.guard.is_to_end() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for StreamedBody {
    fn drop(&mut self) {
        self.guard.on_stream_end();
    }
}

/// Completes when the client exceeds its deadline. Must be polled whenever the connection is. While
/// there is no deadline, it wakes the task periodically, so that the connection is polled and
/// notices a client that has left.
async fn late(guard: &ConnectionGuard) {
    let mut sleep = pin!(sleep_until(Instant::now()));
    poll_fn(|cx| {
        loop {
            let deadline = guard.deadline();
            let now = Instant::now();
            let check = now.checked_add(CHECK_EVERY).unwrap_or(now);
            let is_far = sleep.is_elapsed() || sleep.deadline() > check;
            match deadline {
                Some(deadline) if sleep.deadline() != deadline => sleep.as_mut().reset(deadline),
                None if is_far => sleep.as_mut().reset(check),
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

//! The service: handlers of each kind.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{any, get, post};
use http_body::Frame;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Interval, interval, sleep};
use underscore_runtime::{spawn, track, underscore_frame, underscore_route};

/// Message of the intended panic.
pub(crate) const MEANT: &str = "a panic that is meant";

type Gate = Arc<Semaphore>;

#[underscore_route(get, "/plain")]
async fn plain() -> &'static str {
    "plain"
}

#[underscore_route(get, "/awaiting/{millis}")]
async fn awaiting(State(gate): State<Gate>, Path(millis): Path<u64>) -> Result<String, StatusCode> {
    let _permit = gate.acquire().await.map_err(|_| StatusCode::GONE)?;
    nap(millis % 20).await;
    Ok(format!("{millis}"))
}

#[underscore_frame]
async fn nap(millis: u64) {
    sleep(Duration::from_millis(millis)).await;
}

#[underscore_route(post, "/body")]
async fn body(body: Bytes) -> String {
    body.len().to_string()
}

#[underscore_route(get, "/streaming")]
async fn streaming() -> Body {
    Body::new(Pieces {
        left: 20,
        tick: interval(Duration::from_millis(3)),
    })
}

/// Never completes unless it is interrupted.
#[underscore_route(get, "/endless")]
async fn endless() -> Body {
    Body::new(Pieces {
        left: u32::MAX,
        tick: interval(Duration::from_millis(5)),
    })
}

#[underscore_route(get, "/panicking")]
async fn panicking() -> &'static str {
    nap(1).await;
    std::panic::panic_any(MEANT)
}

/// Takes longer than any client waits.
#[underscore_route(get, "/slow")]
async fn slow() -> &'static str {
    sleep(Duration::from_secs(20)).await;
    "slow"
}

#[underscore_route(post, "/background")]
async fn background() -> StatusCode {
    // Ends by itself, whenever the response is sent.
    drop(spawn("soak: later", nap(100)));
    match track("soak: now", nap(2)).await {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[underscore_route(any, "/socket")]
async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| async move {
        let _ = track("soak: socket", echo(socket)).await;
    })
}

#[underscore_frame]
async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

struct Pieces {
    left: u32,
    tick: Interval,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        ready!(self.tick.poll_tick(cx));
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 512])))))
    }
}

/// Serves it on a free port of loopback.
pub(crate) async fn start() -> SocketAddr {
    let inner = Router::new()
        .route("/awaiting/{millis}", get(awaiting))
        .route("/plain", get(plain));
    let app = Router::new()
        .route("/plain", get(plain).post(plain))
        .route("/awaiting/{millis}", get(awaiting))
        .route("/body", post(body))
        .route("/streaming", get(streaming))
        .route("/endless", get(endless))
        .route("/panicking", get(panicking))
        .route("/slow", get(slow))
        .route("/background", post(background))
        .route("/socket", any(socket))
        .nest("/nested", inner)
        .with_state(Arc::new(Semaphore::new(8)));
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

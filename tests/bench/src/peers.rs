//! Other crates that wrap or instrument handlers, each used as in its readme.

use std::time::Duration;

use async_backtrace::{frame, framed};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum_prometheus::PrometheusMetricLayer;
use tokio_metrics::TaskMonitor;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::Contender;
use crate::handlers::{POLLS, Pending, app, contender, plain, plain_poll, plain_step};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Around a handler that does nothing.
pub(crate) fn of_a_request() -> Vec<Contender> {
    let monitor = TaskMonitor::new();
    let (prometheus, _handle) = PrometheusMetricLayer::pair();
    let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, TIMEOUT);
    vec![
        contender(
            "tokio-metrics",
            app(move || monitor.clone().instrument(plain())),
        ),
        contender("TimeoutLayer", app(plain).layer(timeout)),
        contender("from_fn", app(plain).layer(from_fn(pass))),
        // Without a subscriber: the cost without a listener.
        contender("TraceLayer", app(plain).layer(TraceLayer::new_for_http())),
        contender("axum-prometheus", app(plain).layer(prometheus)),
    ]
}

/// The smallest possible middleware.
async fn pass(request: Request, next: Next) -> Response {
    next.run(request).await
}

/// Around one await, polled repeatedly.
pub(crate) fn of_a_poll() -> Vec<Contender> {
    let monitor = TaskMonitor::new();
    vec![
        contender("#[framed]", app(framed_poll)),
        contender("#[framed] and frame!", app(framed_point_poll)),
        contender(
            "tokio-metrics",
            app(move || monitor.clone().instrument(plain_poll())),
        ),
    ]
}

/// Around awaits that are pending once each.
pub(crate) fn of_a_step() -> Vec<Contender> {
    let monitor = TaskMonitor::new();
    vec![
        contender("#[framed]", app(framed_step)),
        contender("#[framed] and frame!", app(framed_point_step)),
        contender(
            "tokio-metrics",
            app(move || monitor.clone().instrument(plain_step())),
        ),
    ]
}

/// async-backtrace with the function only, not its await.
#[framed]
async fn framed_poll() -> &'static str {
    Pending(POLLS).await;
    "ok"
}

/// async-backtrace with the await, like the annotated handler.
#[framed]
async fn framed_point_poll() -> &'static str {
    frame!(Pending(POLLS)).await;
    "ok"
}

#[framed]
async fn framed_step() -> &'static str {
    for _ in 0..POLLS {
        Pending(1).await;
    }
    "ok"
}

#[framed]
async fn framed_point_step() -> &'static str {
    for _ in 0..POLLS {
        frame!(Pending(1)).await;
    }
    "ok"
}

//! Pairs of handlers: the same function, plain and annotated.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{Path, State};
use axum::handler::Handler;
use axum::routing::get;
use tokio::sync::Mutex;
use underscore_runtime::underscore_route;

use crate::Contender;

/// Number of times that a waiting handler returns `Pending` in one call.
pub const POLLS: u32 = 1_000;

/// Returns `Pending` a number of times without waking: the benchmarks poll by hand.
pub struct Pending(pub u32);

impl Future for Pending {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        Poll::Pending
    }
}

pub async fn plain() -> &'static str {
    "ok"
}

#[underscore_route]
pub async fn annotated() -> &'static str {
    "ok"
}

async fn plain_state(State(state): State<&'static str>) -> &'static str {
    state
}

#[underscore_route]
async fn annotated_state(State(state): State<&'static str>) -> &'static str {
    state
}

async fn plain_order(Path(_id): Path<u64>) -> &'static str {
    "ok"
}

#[underscore_route]
async fn annotated_order(Path(_id): Path<u64>) -> &'static str {
    "ok"
}

/// One await, polled repeatedly.
pub async fn plain_poll() -> &'static str {
    Pending(POLLS).await;
    "ok"
}

#[underscore_route]
pub async fn annotated_poll() -> &'static str {
    Pending(POLLS).await;
    "ok"
}

/// A new await each time: each begins, is pending once, and ends.
pub async fn plain_step() -> &'static str {
    for _ in 0..POLLS {
        Pending(1).await;
    }
    "ok"
}

#[underscore_route]
pub async fn annotated_step() -> &'static str {
    for _ in 0..POLLS {
        Pending(1).await;
    }
    "ok"
}

static LOCK: Mutex<u64> = Mutex::const_new(0);

/// A lock that is held over a pending await each time.
pub async fn plain_guard() -> &'static str {
    for _ in 0..POLLS {
        let guard = LOCK.lock().await;
        Pending(1).await;
        drop(guard);
    }
    "ok"
}

#[underscore_route]
pub async fn annotated_guard() -> &'static str {
    for _ in 0..POLLS {
        let guard = LOCK.lock().await;
        Pending(1).await;
        drop(guard);
    }
    "ok"
}

#[allow(clippy::unused_async, reason = "its await is what is measured")]
async fn text(number: u32) -> String {
    number.to_string()
}

/// The value of an await that is no guard, kept over a pending await each time.
pub async fn plain_value() -> &'static str {
    for number in 0..POLLS {
        let text = text(number).await;
        Pending(1).await;
        std::hint::black_box(&text);
    }
    "ok"
}

#[underscore_route]
pub async fn annotated_value() -> &'static str {
    for number in 0..POLLS {
        let text = text(number).await;
        Pending(1).await;
        std::hint::black_box(&text);
    }
    "ok"
}

/// A lock that is released before the next await.
pub async fn plain_brief() -> &'static str {
    for _ in 0..POLLS {
        *LOCK.lock().await += 1;
        Pending(1).await;
    }
    "ok"
}

#[underscore_route]
pub async fn annotated_brief() -> &'static str {
    for _ in 0..POLLS {
        *LOCK.lock().await += 1;
        Pending(1).await;
    }
    "ok"
}

/// Never completes.
pub async fn plain_held() -> &'static str {
    std::future::pending::<()>().await;
    "ok"
}

#[underscore_route]
pub async fn annotated_held() -> &'static str {
    std::future::pending::<()>().await;
    "ok"
}

pub async fn plain_held_order(Path(_id): Path<u64>) -> &'static str {
    std::future::pending::<()>().await;
    "ok"
}

#[underscore_route]
pub async fn annotated_held_order(Path(_id): Path<u64>) -> &'static str {
    std::future::pending::<()>().await;
    "ok"
}

/// A route for each; the plain one twice, to show the noise between equal contenders.
pub(crate) fn trio<P: 'static, A: 'static>(
    plain: impl Handler<P, ()>,
    annotated: impl Handler<A, ()>,
) -> Vec<Contender> {
    vec![
        contender("plain", app(plain.clone())),
        contender("annotated", app(annotated)),
        contender("plain once more", app(plain)),
    ]
}

/// Both with a `State`.
pub(crate) fn with_state() -> Vec<Contender> {
    let app = |method| Router::new().route("/", method).with_state("ok");
    vec![
        contender("plain", app(get(plain_state))),
        contender("annotated", app(get(annotated_state))),
    ]
}

/// Both with an argument from the path.
pub(crate) fn typical() -> Vec<Contender> {
    let app = |method| Router::new().route("/orders/{id}", method);
    vec![
        contender("plain", app(get(plain_order))),
        contender("annotated", app(get(annotated_order))),
    ]
}

pub(crate) fn app<M: 'static>(handler: impl Handler<M, ()>) -> Router {
    Router::new().route("/", get(handler))
}

pub fn contender(who: &'static str, app: Router) -> Contender {
    Contender { who, app }
}

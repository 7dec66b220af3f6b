//! The handlers.

use core::future::ready;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tracing::instrument;
use underscore_runtime::{underscore_frame, underscore_route};

/// A handler for other crates.
#[underscore_route]
#[inline]
#[must_use]
pub async fn public() -> &'static str {
    ready("public").await
}

/// Adds two numbers.
#[underscore_route(get, "/users/{name}", name = "hostile.user")]
async fn user(Path(name): Path<String>, Query(pairs): Query<Vec<(String, u8)>>) -> String {
    let mut sum = 0_u8;
    for (_, value) in pairs {
        sum = sum.saturating_add(ready(value).await);
    }
    format!("{name} {sum}")
}

/// Fails sometimes.
#[underscore_route]
async fn fallible(Json(number): Json<u8>) -> Result<Json<u8>, StatusCode> {
    let next = helper(number).await.ok_or(StatusCode::CONFLICT)?;
    Ok(Json(helper(next).await.unwrap_or_default()))
}

/// A helper in the stack.
#[underscore_frame]
async fn helper(number: u8) -> Option<u8> {
    ready(number.checked_mul(2)).await
}

/// Generic over the state.
#[underscore_route]
async fn generic<T: Clone + ToString + Send + Sync + 'static, const LOUD: bool>(
    State(state): State<T>,
) -> String {
    let mark = if LOUD { "!" } else { "" };
    ready(state.to_string() + mark).await
}

/// Returns its future.
#[underscore_route]
fn future(Path(word): Path<String>) -> impl Future<Output = impl IntoResponse> + Send {
    async move { ready(word).await }
}

/// A handler with a plain function under another name.
#[underscore_route(inner = plain_sum)]
async fn sum(Path((left, right)): Path<(u8, u8)>) -> String {
    left.saturating_add(right).to_string()
}

/// Calls the plain function.
#[underscore_route]
async fn twice_the_sum(path: Path<(u8, u8)>) -> String {
    plain_sum(path).await.repeat(2)
}

/// Stays callable under its own name.
#[underscore_route(keep)]
async fn kept_sum(Path((left, right)): Path<(u8, u8)>) -> String {
    use core::convert::identity;
    let sum = identity(left).saturating_add(right);
    ready(sum).await.to_string()
}

/// Calls the function itself.
#[underscore_route(keep)]
#[expect(clippy::single_call_fn, reason = "clippy says so of a plain handler")]
async fn thrice_the_sum(path: Path<(u8, u8)>) -> String {
    kept_sum(path).await.repeat(3)
}

/// Returns its future.
#[underscore_route(keep)]
#[expect(clippy::single_call_fn, reason = "clippy says so of a plain handler")]
fn kept_future(Path(word): Path<String>) -> impl Future<Output = impl IntoResponse> + Send {
    async move { ready(word).await }
}

/// A page of a type.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default)]
pub struct Page;

impl Page {
    /// A method.
    #[underscore_route(keep)]
    #[inline]
    pub async fn shown(&self, word: &str) -> Option<String> {
        let shown = ready(word.strip_prefix('w')).await?;
        if shown.is_empty() {
            return None;
        }
        Some(shown.to_owned())
    }
}

/// Continues after its response.
#[underscore_route]
async fn upgraded(ws: WebSocketUpgrade) -> Response {
    ws.on_upgrade(async |mut socket| while let Some(Ok(_)) = socket.recv().await {})
}

/// In a span of its own.
#[underscore_route]
#[instrument(skip_all)]
async fn traced() -> &'static str {
    ready("traced").await
}

/// A router of all handlers. The state is a number.
#[inline]
pub fn router() -> Router {
    Router::new()
        .route("/public", get(public))
        .route("/users/{name}", get(user))
        .route("/fallible", post(fallible))
        .route("/generic", get(generic::<u8, true>))
        .route("/future/{word}", get(future))
        .route("/sum/{left}/{right}", get(sum))
        .route("/twice/{left}/{right}", get(twice_the_sum))
        .route("/kept/{left}/{right}", get(kept_sum))
        .route("/thrice/{left}/{right}", get(thrice_the_sum))
        .route("/kept-future/{word}", get(kept_future))
        .route("/upgraded", get(upgraded))
        .route("/traced", get(traced))
        .with_state(7)
}

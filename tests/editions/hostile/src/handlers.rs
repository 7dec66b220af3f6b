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
        .route("/upgraded", get(upgraded))
        .route("/traced", get(traced))
        .with_state(7)
}

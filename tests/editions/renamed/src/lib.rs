//! Handlers in a crate that renames the runtime: one names it in the attribute, the other restores
//! the usual name.

/// The name that the bare attribute uses.
extern crate seen as underscore_runtime;

use std::future::ready;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use seen::{underscore_frame, underscore_route};

#[underscore_route(crate = seen)]
async fn says_which(Path(word): Path<String>) -> String {
    helper(word).await
}

#[underscore_frame(crate = seen)]
async fn helper(word: String) -> String {
    ready(word).await
}

#[underscore_route(keep, crate = seen)]
async fn kept(Path(word): Path<String>) -> String {
    ready(word).await
}

#[underscore_route]
async fn bare(Path(word): Path<String>) -> String {
    ready(word).await
}

/// A router of all handlers.
pub fn router() -> Router {
    Router::new()
        .route("/says-which/{word}", get(says_which))
        .route("/kept/{word}", get(kept))
        .route("/bare/{word}", get(bare))
}

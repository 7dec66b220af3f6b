//! Type-erased futures in debug builds.
//!
//! The type that axum sees of a handler contains the type of the handler's future, which the
//! compiler walks through for each of a dozen proofs per handler. A boxed future has no such type,
//! and the code that polls handlers is compiled once. In release builds each handler has its own
//! code, because an indirect call takes as long as all of the code around it.

#[cfg(debug_assertions)]
use std::pin::Pin;

use axum::response::Response;

use crate::instrument::poll::Stage;

/// Boxes the future.
#[cfg(debug_assertions)]
pub(super) fn erased_future<'a, T>(
    future: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(future)
}

/// The future itself.
#[cfg(not(debug_assertions))]
#[inline]
pub(super) fn erased_future<F: Future>(future: F) -> F {
    future
}

/// Boxes the stage of a handler.
#[cfg(debug_assertions)]
pub(super) fn erased_stage<'a>(
    stage: impl Stage<Response> + Send + 'a,
) -> Pin<Box<dyn Stage<Response> + Send + 'a>> {
    Box::pin(stage)
}

/// The stage itself.
#[cfg(not(debug_assertions))]
#[inline]
pub(super) fn erased_stage<S: Stage<Response>>(stage: S) -> S {
    stage
}

//! Futures without their types, in a build for debugging.
//!
//! What axum is given of a handler has the handler's future in its type, and the compiler goes
//! through that type for each thing that it proves of it, a dozen times a handler. Behind a pointer
//! there is nothing to go through, and what polls the handlers is compiled once. In a build for
//! release each handler has code of its own, for a call through a pointer takes as long as all that
//! is around it.

#[cfg(debug_assertions)]
use std::pin::Pin;

use axum::response::Response;

use crate::instrument::poll::Stage;

/// A future without its type.
#[cfg(debug_assertions)]
pub(super) fn erased_future<'a, T>(
    future: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(future)
}

/// The future.
#[cfg(not(debug_assertions))]
#[inline]
pub(super) fn erased_future<F: Future>(future: F) -> F {
    future
}

/// The stage of a handler without its type.
#[cfg(debug_assertions)]
pub(super) fn erased_stage<'a>(
    stage: impl Stage<Response> + Send + 'a,
) -> Pin<Box<dyn Stage<Response> + Send + 'a>> {
    Box::pin(stage)
}

/// The stage of a handler.
#[cfg(not(debug_assertions))]
#[inline]
pub(super) fn erased_stage<S: Stage<Response>>(stage: S) -> S {
    stage
}

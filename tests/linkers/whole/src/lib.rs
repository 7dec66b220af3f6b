//! A library that mounts its own handlers: its users name only `router`.

mod deep;
mod generic;
mod plain;

use axum::Router;
use axum::routing::{get, post};

/// The handlers, for the check that all of them are listed.
pub const HANDLERS: &[&str] = &[
    "linkers_whole::deep::deeper::deepest::echo",
    "linkers_whole::deep::stays",
    "linkers_whole::generic::of_any",
    "linkers_whole::plain::first",
    "linkers_whole::plain::in_a_body",
    "linkers_whole::plain::second",
];

/// Mounts every handler of this library except `deep::stays`.
pub fn router() -> Router {
    Router::new()
        .route("/first", get(plain::first))
        .route("/second", get(plain::second))
        .route("/generic", get(generic::of_any::<u8>))
        .route("/echo", post(deep::deeper::deepest::echo))
        .route("/in-a-body", plain::with_its_own())
}

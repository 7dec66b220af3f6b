//! A library whose handlers report to an older version of the runtime crate.

use axum::Router;
use axum::routing::get;
use underscore_runtime::{AdminServer, underscore_route};

#[underscore_route]
async fn old() -> &'static str {
    "old"
}

pub fn router() -> Router {
    Router::new().route("/old", get(old))
}

/// Serves the admin API of the older version, beside the newer one.
pub fn serve_admin(path: &std::path::Path) -> std::io::Result<AdminServer> {
    underscore_runtime::serve_admin(path)
}

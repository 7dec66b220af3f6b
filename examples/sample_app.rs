//! The service of the incident: a semaphore of 3 permits, and one route that takes two of them.
//!
//! `cargo run --example sample_app -- [--listen 127.0.0.1:8080] [--admin PATH]`

use underscore_runtime::underscore_route;
use axum::Router;

#[underscore_route(get, "/healthz")]
async fn healthz() -> &'static str {
    "ok\n"
}

fn main() {
    let _: Router = Router::new().route("/healthz", axum::routing::get(healthz));
}

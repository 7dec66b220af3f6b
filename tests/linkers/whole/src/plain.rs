//! Plain handlers, and one that no other item can name.

use axum::routing::{MethodRouter, get};
use underscore_runtime::underscore_route;

#[underscore_route]
pub(crate) async fn first() -> &'static str {
    "first"
}

#[underscore_route(get, "/second", name = "linkers-second")]
pub(crate) async fn second() -> &'static str {
    std::future::ready("second").await
}

pub(crate) fn with_its_own() -> MethodRouter {
    #[underscore_route]
    async fn in_a_body() -> &'static str {
        "in a body"
    }
    get(in_a_body)
}

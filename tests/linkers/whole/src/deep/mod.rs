//! A module of which only its submodule is used.

pub(crate) mod deeper;

use underscore_runtime::underscore_route;

/// Never mounted, and still a row.
#[allow(dead_code)]
#[underscore_route(get, "/stays")]
pub(crate) async fn stays() -> &'static str {
    "here"
}

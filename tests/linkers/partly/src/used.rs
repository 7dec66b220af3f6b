//! The module that is used.

use underscore_runtime::underscore_route;

#[underscore_route]
pub async fn here() -> &'static str {
    "here"
}

#[underscore_route]
pub async fn not_mounted() -> &'static str {
    "nowhere"
}

//! The module that is not referenced.

use underscore_runtime::underscore_route;

#[underscore_route(get, "/alone")]
pub async fn alone() -> &'static str {
    "alone"
}

pub mod further {
    //! A module below it.

    use underscore_runtime::underscore_route;

    #[underscore_route]
    pub async fn below(body: String) -> String {
        body
    }
}

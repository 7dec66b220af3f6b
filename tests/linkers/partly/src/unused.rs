//! The module that nobody names.

use underscore_runtime::underscore_route;

#[underscore_route(get, "/alone")]
pub async fn alone() -> &'static str {
    "alone"
}

pub mod further {
    //! And one below it.

    use underscore_runtime::underscore_route;

    #[underscore_route]
    pub async fn below(body: String) -> String {
        body
    }
}

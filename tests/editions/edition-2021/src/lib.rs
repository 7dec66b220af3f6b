//! The handlers of `../handlers.rs` and the functions of `../guards` in a crate of edition 2021.

#[path = "../../guards/mod.rs"]
pub mod guards;
#[path = "../../handlers.rs"]
pub mod handlers;

/// Handlers in the syntax of this edition only.
pub mod of_this_edition {
    use axum::extract::Path;
    use std::future::{ready, Future};
    use underscore_runtime::underscore_route;

    /// An identifier that is a keyword of the next edition.
    #[underscore_route]
    pub async fn gen(Path(gen): Path<String>) -> String {
        ready(gen).await
    }

    /// The return type captures no lifetime that it does not name.
    #[underscore_route]
    pub fn future(Path(word): Path<String>) -> impl Future<Output = String> {
        ready(word)
    }
}

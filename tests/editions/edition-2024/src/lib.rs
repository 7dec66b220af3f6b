//! The handlers of `../handlers.rs` in a crate of edition 2024.

#[path = "../../handlers.rs"]
pub mod handlers;

pub mod exported;

/// What only this edition can say.
pub mod of_this_edition {
    use std::future::ready;

    use axum::extract::Path;
    use axum::response::IntoResponse;
    use underscore_runtime::underscore_route;

    /// A chain of conditions, and a word that is kept for later.
    #[underscore_route]
    pub async fn r#gen(Path(r#gen): Path<String>) -> String {
        if let Some(first) = r#gen.chars().next()
            && first.is_alphabetic()
            && ready(true).await
        {
            return r#gen;
        }
        "no word".to_owned()
    }

    /// What is returned names what it takes along.
    #[underscore_route]
    pub async fn future(Path(word): Path<String>) -> impl IntoResponse + use<> {
        let closed = async |word: &str| ready(word.to_owned()).await;
        closed(&word).await
    }
}

//! The handlers of `../handlers.rs` and the functions of `../guards` in a crate of edition 2024.

#[path = "../../guards/mod.rs"]
pub mod guards;
#[path = "../../handlers.rs"]
pub mod handlers;

pub mod exported;

/// Handlers in the syntax of this edition only.
pub mod of_this_edition {
    use std::future::ready;

    use axum::extract::Path;
    use axum::response::IntoResponse;
    use underscore_runtime::underscore_route;

    /// A let chain and a reserved identifier.
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

    /// The return type names its captures.
    #[underscore_route]
    pub async fn future(Path(word): Path<String>) -> impl IntoResponse + use<> {
        let closed = async |word: &str| ready(word.to_owned()).await;
        closed(&word).await
    }
}

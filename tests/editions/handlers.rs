//! Ordinary handlers. The output of a macro is partly read in the edition of its caller, so they
//! are compiled in each edition.

// Two lines, because the editions sort one line differently.
use core::future::Future;
use std::future::ready;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use underscore_runtime::{underscore_frame, underscore_route, underscore_route as seen};

/// A framework's re-export of the runtime.
pub mod framework {
    pub use underscore_runtime as runtime;
}

/// Only the macro's name.
#[underscore_route]
pub async fn nothing() {}

#[underscore_route(get, "/users/{name}", name = "user")]
async fn user(Path(name): Path<String>, Query(pairs): Query<Vec<(String, u8)>>) -> String {
    let mut sum = 0;
    for (_, value) in pairs {
        sum += ready(value).await;
    }
    format!("{name} {sum}")
}

#[seen]
async fn fallible(Json(number): Json<u8>) -> Result<Json<u8>, StatusCode> {
    let next = helper(number).await.ok_or(StatusCode::CONFLICT)?;
    Ok(Json(helper(next).await.unwrap_or_default()))
}

#[underscore_frame]
async fn helper(number: u8) -> Option<u8> {
    ready(number.checked_mul(2)).await
}

#[underscore_route]
async fn generic<T: Clone + ToString + Send + Sync + 'static, const N: usize>(
    State(state): State<T>,
) -> String
where
    for<'a> &'a T: std::ops::Add<Output = T>,
{
    let all = [(); N].map(|()| state.to_string());
    ready(all.join("-")).await
}

#[underscore_route]
fn future(Path(word): Path<String>) -> impl Future<Output = impl IntoResponse> + Send {
    async move { ready(word).await }
}

#[underscore_route(inner = plain_sum)]
async fn sum(Path((left, right)): Path<(u8, u8)>) -> String {
    (left + right).to_string()
}

/// Calls the plain function of another handler.
#[underscore_route]
async fn twice_the_sum(path: Path<(u8, u8)>) -> String {
    plain_sum(path).await.repeat(2)
}

/// Stays callable under its own name.
#[underscore_route(keep)]
async fn kept_sum(Path((left, right)): Path<(u8, u8)>) -> String {
    use std::convert::identity;
    let sum = identity(left) + right;
    ready(sum).await.to_string()
}

#[underscore_route(keep)]
async fn thrice_the_sum(path: Path<(u8, u8)>) -> String {
    kept_sum(path).await.repeat(3)
}

#[underscore_route]
async fn upgraded(ws: WebSocketUpgrade) -> Response {
    ws.on_upgrade(|mut socket| async move { while let Some(Ok(_)) = socket.recv().await {} })
}

#[framework::runtime::underscore_route(crate = self::framework::runtime)]
async fn of_a_reexport() -> &'static str {
    ready("re-exported").await
}

#[cfg_attr(all(), underscore_route(name = "conditional"))]
async fn conditional() -> &'static str {
    ready("conditional").await
}

#[cfg_attr(any(), underscore_route(there_is = "no such key"))]
async fn never_annotated() -> &'static str {
    ready("never annotated").await
}

/// A module that shadows the names of generated code.
mod shadowed {
    mod axum {}
    mod core {}
    mod linkme {}
    mod std {}
    mod tokio {}
    mod underscore_runtime {}

    #[::underscore_runtime::underscore_route]
    pub(super) async fn handler(
        word: ::axum::extract::Path<::std::string::String>,
    ) -> ::std::string::String {
        ::std::future::ready(word).await.0
    }
}

/// A macro of the crate's edition.
macro_rules! written {
    ($name:ident $answer:expr) => {
        #[underscore_route]
        async fn $name() -> String {
            ready($answer).await.to_string()
        }
    };
}

written!(of_a_macro "written");

/// A router of all handlers. The state is a number.
pub fn router() -> Router {
    fn local() -> Router<u32> {
        #[underscore_route]
        async fn of_a_function() -> &'static str {
            "local"
        }
        Router::new().route("/local", get(of_a_function))
    }
    Router::new()
        .route("/nothing", get(nothing))
        .route("/users/{name}", get(user))
        .route("/fallible", post(fallible))
        .route("/generic", get(generic::<u32, 3>))
        .route("/future/{word}", get(future))
        .route("/sum/{left}/{right}", get(sum))
        .route("/twice/{left}/{right}", get(twice_the_sum))
        .route("/kept/{left}/{right}", get(kept_sum))
        .route("/thrice/{left}/{right}", get(thrice_the_sum))
        .route("/upgraded", get(upgraded))
        .route("/shadowed/{word}", get(shadowed::handler))
        .route("/reexported", get(of_a_reexport))
        .route("/conditional", get(conditional))
        .route("/never", get(never_annotated))
        .route("/macro", get(of_a_macro))
        .merge(local())
        .with_state(7)
}

//! With `keep`, the compiler's errors are those about the function itself.
use axum::Router;
use axum::extract::Json;
use axum::routing::get;
use underscore_runtime::{RouterExt, underscore_route};

#[underscore_route(get, "/login", keep)]
async fn login() -> &'static str {
    "hello"
}

#[underscore_route(keep)]
async fn logout(Json(_user): Json<String>, number: u8) -> u8 {
    number
}

fn main() {
    let _: Router = Router::new()
        .mount(login)
        .route("/logout", get(logout));
}

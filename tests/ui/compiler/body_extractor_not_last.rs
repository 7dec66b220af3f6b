use axum::http::Method;
use axum::routing::post;
use axum::{Json, Router};
use underscore_runtime::underscore_route;

#[underscore_route]
async fn login(_login: Json<String>, _method: Method) {}

fn main() {
    let _: Router = Router::new().route("/login", post(login));
}

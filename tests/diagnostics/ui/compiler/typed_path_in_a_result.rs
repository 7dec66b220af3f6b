use axum::Router;
use axum::extract::rejection::PathRejection;
use axum_extra::routing::{RouterExt, TypedPath};
use serde::Deserialize;
use underscore_runtime::underscore_route;

#[derive(TypedPath, Deserialize)]
#[typed_path("/users/{id}")]
struct User(u8);

#[underscore_route]
async fn user(_user: Result<User, PathRejection>) {}

fn main() {
    let _: Router = Router::new().typed_get(user);
}

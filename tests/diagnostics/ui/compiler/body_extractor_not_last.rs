use axum::Json;
use axum::body::Bytes;
use axum::http::Method;
use underscore_runtime::underscore_route;

#[underscore_route]
async fn login(_login: Json<String>, _bytes: Bytes, _method: Method) {}

fn main() {}

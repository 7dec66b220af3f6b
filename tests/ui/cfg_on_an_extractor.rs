use axum::http::Method;
use underscore_runtime::underscore_route;

#[underscore_route]
async fn login(#[cfg(unix)] _method: Method) {}

fn main() {}

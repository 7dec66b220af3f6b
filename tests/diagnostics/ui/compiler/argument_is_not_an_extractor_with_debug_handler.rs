use axum::http::Method;
use underscore_runtime::underscore_route;

struct Login;

#[underscore_route]
#[axum::debug_handler]
async fn login(_method: Method, _login: Login) {}

fn main() {}

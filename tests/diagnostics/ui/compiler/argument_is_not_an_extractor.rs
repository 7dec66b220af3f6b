use axum::Router;
use axum::http::Method;
use axum::routing::get;
use underscore_runtime::underscore_route;

struct Login;

#[underscore_route]
async fn login(_method: Method, _login: Login) {}

fn main() {
    let _: Router = Router::new().route("/login", get(login));
}

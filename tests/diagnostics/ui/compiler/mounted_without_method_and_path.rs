use axum::Router;
use underscore_runtime::{RouterExt, underscore_route};

#[underscore_route(get)]
async fn somewhere() {}

fn main() {
    let _app: Router = Router::new().mount(somewhere);
}

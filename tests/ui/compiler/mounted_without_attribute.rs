use axum::Router;
use underscore_runtime::RouterExt;

async fn plain() {}

fn main() {
    let _app: Router = Router::new().mount(plain);
}

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use underscore_runtime::underscore_route;

#[underscore_route]
async fn login(State(_permits): State<u32>) {}

fn main() {
    let _: Router = Router::new().route("/login", get(login)).with_state("three");
}

use axum::extract::{Path, State};
use underscore_runtime::underscore_route;

#[underscore_route]
async fn user(State(_pool): State<u8>, Path(name): Path<String>) -> String {
    name
}

#[underscore_route]
async fn health(State(_pool): State<u8>) -> &'static str {
    "ok"
}

async fn all() {
    user(State(1), Path("ann".to_owned())).await;
    health(State(1)).await;
    let table: [fn(State<u8>) -> _; 1] = [health];
}

fn main() {}

use axum::extract::State;
use underscore_runtime::underscore_route;

trait Database {}

#[underscore_route]
async fn login(State(_database): State<impl Database>) {}

fn main() {}

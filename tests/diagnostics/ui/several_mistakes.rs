use axum::extract::State;
use underscore_runtime::underscore_route;

#[underscore_route(gte, "login", nmae = "login", name = "log in")]
unsafe fn login<'a>(State(_database): State<impl Clone>, _name: &'a str) {}

fn main() {}

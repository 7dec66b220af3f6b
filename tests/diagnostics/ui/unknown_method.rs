use underscore_runtime::underscore_route;

#[underscore_route(pots, "/login")]
async fn login() {}

#[underscore_route(query, "/search")]
async fn search() {}

fn main() {}

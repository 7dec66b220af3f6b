use underscore_runtime::underscore_route;

#[underscore_route(get, name)]
async fn login() {}

fn main() {}

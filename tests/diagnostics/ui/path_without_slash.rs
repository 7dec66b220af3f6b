use underscore_runtime::underscore_route;

#[underscore_route(get, "login")]
async fn login() {}

#[underscore_route(get, "")]
async fn root() {}

fn main() {}

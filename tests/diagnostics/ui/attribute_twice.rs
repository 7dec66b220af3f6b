use underscore_runtime::underscore_route;

#[underscore_route(get, "/login")]
#[underscore_route(get, "/sign-in")]
async fn login() {}

fn main() {}

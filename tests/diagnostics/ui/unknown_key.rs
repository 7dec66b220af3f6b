use underscore_runtime::underscore_route;

#[underscore_route(get, nmae = "login")]
async fn login() {}

#[underscore_route(get, timeout = 5)]
async fn logout() {}

#[underscore_route(method = get, path = "/search")]
async fn search() {}

fn main() {}

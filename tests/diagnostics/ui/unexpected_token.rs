use underscore_runtime::underscore_route;

#[underscore_route(5, get, *, "/login")]
async fn login() {}

#[underscore_route(get "/logout")]
async fn logout() {}

fn main() {}

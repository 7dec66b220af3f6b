use underscore_runtime::underscore_route;

#[underscore_route(name = "login", name = "sign-in")]
async fn login() {}

#[underscore_route(get, post, "/logout", "/sign-out")]
async fn logout() {}

fn main() {}

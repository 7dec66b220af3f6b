use underscore_runtime::underscore_route;

#[underscore_route(inner = login_inner, keep)]
async fn login() {}

#[underscore_route(get, "/logout", keep, inner = logout_inner)]
async fn logout() {}

fn main() {}

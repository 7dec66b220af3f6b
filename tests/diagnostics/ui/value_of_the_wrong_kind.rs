use underscore_runtime::underscore_route;

#[underscore_route(get, name = login)]
async fn login() {}

#[underscore_route(inner = "plain_logout")]
async fn logout() {}

#[underscore_route(crate = 5, name = , get)]
async fn search() {}

fn main() {}

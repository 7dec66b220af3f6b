use underscore_runtime::underscore_route;

#[underscore_route(kepe)]
async fn login() {}

#[underscore_route(keep = true)]
async fn logout() {}

#[underscore_route(keep, get, keep)]
async fn search() {}

fn main() {}

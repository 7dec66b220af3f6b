use underscore_runtime::underscore_route;

#[underscore_route(name = "log in")]
async fn login() {}

#[underscore_route(name = "_all")]
async fn all() {}

#[underscore_route(name = "")]
async fn nameless() {}

fn main() {}

use underscore_runtime::underscore_route;

#[underscore_route(get, "/users/:id/files/*path")]
async fn file() {}

fn main() {}

use underscore_runtime::underscore_route;

#[underscore_route]
async fn login<'a>(_name: &'a str) {}

fn main() {}

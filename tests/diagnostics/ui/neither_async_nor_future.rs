use underscore_runtime::underscore_route;

#[underscore_route]
fn login() {}

fn main() {}

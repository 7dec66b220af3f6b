use underscore_runtime::underscore_route;

#[underscore_route]
fn login() -> String {
    String::new()
}

fn main() {}

use underscore_runtime::underscore_route;

#[underscore_route]
async fn login() -> String {
    let name = String::new();
    name.
}

fn main() {}

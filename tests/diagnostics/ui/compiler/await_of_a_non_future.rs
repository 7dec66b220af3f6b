use underscore_runtime::underscore_route;

#[underscore_route]
async fn login() -> String {
    let name = "login".to_owned().await;
    name.len()
}

fn main() {}

use underscore_runtime::underscore_route;

#[underscore_route]
async fn login() -> String {
    let name: u32 = std::future::ready("login").await;
    name.to_string()
}

fn main() {}

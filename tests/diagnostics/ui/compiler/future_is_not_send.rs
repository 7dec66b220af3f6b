use std::rc::Rc;

use underscore_runtime::underscore_route;

#[underscore_route]
async fn login() {
    let name = Rc::new("login");
    std::future::ready(()).await;
    drop(name);
}

fn main() {}

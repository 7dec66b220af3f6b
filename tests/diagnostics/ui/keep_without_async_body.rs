use std::future::{Ready, ready};

use underscore_runtime::underscore_route;

#[underscore_route(keep)]
fn login() {}

#[underscore_route(keep)]
fn logout() -> Ready<&'static str> {
    ready("bye")
}

struct Api;

impl Api {
    #[underscore_route(get, "/search", keep)]
    fn search(&self) -> impl Future<Output = ()> {
        self.find()
    }

    async fn find(&self) {}
}

fn main() {}

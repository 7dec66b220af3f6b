use underscore_runtime::underscore_route;

struct App;

impl App {
    #[underscore_route]
    async fn login(&self) {}
}

fn main() {}

use underscore_runtime::underscore_route;

struct Api;

impl Api {
    #[underscore_route]
    async fn login() {}

    /// Below another one.
    #[underscore_route(get, "/logout")]
    pub async fn logout() -> &'static str {
        "bye"
    }
}

trait Service {
    #[underscore_route]
    async fn serve() {}
}

fn main() {}

use underscore_runtime::underscore_route;

struct Login;

#[underscore_route]
async fn login() -> Login {
    Login
}

#[underscore_route]
async fn logout() -> Result<(), Login> {
    Err(Login)
}

fn main() {}

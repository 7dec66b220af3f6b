use underscore_runtime::underscore_route;

#[underscore_route]
async unsafe fn login() {}

#[underscore_route]
async extern "C" fn logout() {}

#[underscore_route]
const fn search() -> std::future::Ready<()> {
    panic!()
}

fn main() {}

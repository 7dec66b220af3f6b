use underscore_runtime::underscore_route;

#[underscore_route]
struct Login;

#[underscore_route]
impl Login {}

fn main() {
    let _ = Login;
}

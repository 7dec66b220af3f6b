use underscore_runtime::underscore_frame;

#[underscore_frame(get, "/pool")]
async fn pool() {}

fn main() {}

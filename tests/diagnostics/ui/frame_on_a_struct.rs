use underscore_runtime::underscore_frame;

#[underscore_frame]
struct Pool;

fn main() {}

//! A dynamically linked library that contains the runtime crate: the linker collects entries per
//! output file, and the table is the one of this file.

use underscore_runtime::underscore_route;

#[underscore_route]
pub async fn inside() -> &'static str {
    "inside"
}

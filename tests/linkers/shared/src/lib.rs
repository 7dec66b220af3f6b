//! A library that is linked dynamically, with the runtime crate inside of it: the linker gathers entries for each
//! file that it makes, and the table is the one in this file.

use underscore_runtime::underscore_route;

#[underscore_route]
pub async fn inside() -> &'static str {
    "inside"
}

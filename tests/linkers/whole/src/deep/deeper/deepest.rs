//! A deeply nested handler, with an argument.

use underscore_runtime::underscore_route;

#[underscore_route]
pub(crate) async fn echo(body: String) -> String {
    body
}

//! A handler of which there is code only where it is mounted, in another crate perhaps.

use underscore_runtime::underscore_route;

#[underscore_route]
pub(crate) async fn of_any<T: Default + ToString + Send + 'static>() -> String {
    T::default().to_string()
}

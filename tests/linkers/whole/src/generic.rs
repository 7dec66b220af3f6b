//! A handler that is instantiated only where it is mounted, possibly in another crate.

use underscore_runtime::underscore_route;

#[underscore_route]
pub(crate) async fn of_any<T: Default + ToString + Send + 'static>() -> String {
    T::default().to_string()
}

//! The call of a handler, in the order of a request: `call` admits the request as a task
//! (`request_info`, `admission`), delays it according to the settings, extracts the arguments and
//! runs the handler. `answer` has the responses that this crate sends in the handler's place.
//! Without the feature `admin`, `plain_call` takes the place of `call`.

mod annotated;
mod argument;
mod extract;

#[cfg(feature = "admin")]
mod admission;
#[cfg(feature = "admin")]
mod answer;
#[cfg(feature = "admin")]
mod call;
#[cfg(feature = "admin")]
mod delay;
#[cfg(feature = "admin")]
mod erased;
#[cfg(not(feature = "admin"))]
mod plain_call;
#[cfg(feature = "admin")]
mod request_info;

#[cfg(not(feature = "admin"))]
use plain_call as call;

pub use annotated::{Annotated, Via};
pub use argument::{AnyArgument, Argument, TakesBody};
pub use call::Call;
pub use extract::Extract;

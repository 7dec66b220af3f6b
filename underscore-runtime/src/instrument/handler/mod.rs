//! The call of a handler, in the order of a request: `call` admits the request as a task
//! (`request_info`, `admission`), delays it if settings say so, extracts the arguments and runs the
//! handler; `answer` has the responses that this crate gives in its place.

mod admission;
mod answer;
mod argument;
mod call;
mod delay;
mod erased;
mod extract;
mod request_info;

pub use argument::{AnyArgument, Argument, TakesBody};
pub use call::{Annotated, Call, Via};
pub use extract::Extract;

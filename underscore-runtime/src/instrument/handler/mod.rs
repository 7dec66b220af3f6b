//! The call of a handler: `begin` admits the request as a task and extracts the arguments, `run`
//! runs the handler. `kept` begins the run of a handler that keeps its signature. Without the
//! feature `admin`, `plain_call` takes the place of `call`.

mod annotated;
mod argument;
mod extract;

#[cfg(feature = "admin")]
mod begin;
#[cfg(feature = "admin")]
mod call;
#[cfg(feature = "admin")]
mod erased;
#[cfg(feature = "admin")]
mod kept;
#[cfg(not(feature = "admin"))]
mod plain_call;
#[cfg(feature = "admin")]
mod run;

#[cfg(not(feature = "admin"))]
use crate::passthrough as kept;
#[cfg(not(feature = "admin"))]
use plain_call as call;

pub use annotated::{Annotated, Via};
pub use argument::{AnyArgument, Argument, TakesBody};
pub use call::Call;
pub use extract::Extract;
pub use kept::{KeptHandler, handler};

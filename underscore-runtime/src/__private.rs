//! Names for generated code only. They may change in any release.

pub use axum::response::Response;
pub use axum::routing::MethodFilter;
pub use linkme;

#[cfg(feature = "axum-extra")]
pub use crate::instrument::BeginsWithPath;
pub use crate::instrument::{
    Annotated, AnyArgument, Argument, At, Call, Declared, Extract, Hold, KeptHandler, KnownLock,
    Place, RequestContext, TakesBody, UnknownLock, Via, WithContext, acquired, at, at_guard,
    at_lock, handler, hold, request_context, within,
};
pub use crate::routes::{HandlerEntry, ROUTES};
pub use crate::stack::AwaitPoint;

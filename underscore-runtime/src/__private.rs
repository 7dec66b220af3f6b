//! Names for generated code only. They may change in any release.

pub use axum::response::Response;
pub use axum::routing::MethodFilter;
pub use linkme;

#[cfg(feature = "axum-extra")]
pub use crate::instrument::BeginsWithPath;
pub use crate::instrument::{
    Annotated, AnyArgument, Argument, At, Call, Declared, Extract, KeptHandler, RequestContext,
    TakesBody, Via, WithContext, at, handler, request_context, within,
};
pub use crate::routes::{HandlerEntry, ROUTES};
pub use crate::stack::AwaitPoint;

//! The names that generated code may touch, and nobody else: they change without notice.

pub use axum::response::Response;
pub use axum::routing::MethodFilter;
pub use linkme;

#[cfg(feature = "axum-extra")]
pub use crate::instrument::BeginsWithPath;
pub use crate::instrument::{
    Annotated, AnyArgument, Argument, At, Call, Declared, Extract, RequestContext, TakesBody, Via,
    WithContext, at, request_context, within,
};
pub use crate::routes::{HandlerEntry, ROUTES};
pub use crate::stack::AwaitPoint;

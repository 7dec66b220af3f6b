//! The names that generated code may touch, and nobody else: they change without notice.

pub use axum::response::Response;
pub use axum::routing::MethodFilter;
pub use linkme;

#[cfg(feature = "axum-extra")]
pub use crate::instrument::BeginsWithPath;
pub use crate::instrument::{
    AnyArgument, Argument, At, Call, Declared, Endpoint, Extract, GoesOn, HandedOn, TakesBody, Via,
    at, handed_on, within,
};
pub use crate::route::{HandlerEntry, ROUTES};
pub use crate::stack::AwaitPoint;

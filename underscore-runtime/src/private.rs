//! The names that generated code may touch, and nobody else: they change without notice.

pub use axum::extract::{FromRequest, FromRequestParts, Request};
pub use linkme;

pub use crate::instrument::{
    Answer, AnyArgument, Argument, At, Call, Endpoint, TakesBody, Via, at, extract_last,
    extract_part, respond,
};
pub use crate::route::RouteDescriptor;
pub use crate::stack::AwaitPoint;
pub use crate::table::ROUTES;

//! Detects at compile time an argument that consumes the body and is not the last one, so that the
//! error points at it. axum only reports that the function is not a handler.

use std::marker::PhantomData;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{RawForm, Request};

/// One of axum's extractors that consume the body.
pub trait TakesBody {}

impl<T> TakesBody for Json<T> {}
impl TakesBody for Body {}
impl TakesBody for Bytes {}
impl TakesBody for RawForm {}
impl TakesBody for Request {}
impl TakesBody for String {}

/// An argument of a handler. `Argument::<T>::TAKES_BODY` is the inherent constant if `T` consumes
/// the body, otherwise that of [`AnyArgument`], because inherent constants take precedence.
#[derive(Debug)]
pub struct Argument<T>(PhantomData<fn() -> T>);

impl<T: TakesBody> Argument<T> {
    /// The argument must be the last one.
    pub const TAKES_BODY: bool = true;
}

/// The default for an argument of any type.
pub trait AnyArgument {
    /// The argument is not known to consume the body.
    const TAKES_BODY: bool = false;
}

impl<T> AnyArgument for Argument<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A user's extractor, named like one of axum's.
    mod of_a_user {
        #[derive(Debug)]
        pub(super) struct Request;
    }

    #[test]
    fn only_axums_own_types_are_known_to_take_the_body() {
        const { assert!(Argument::<Json<u8>>::TAKES_BODY) }
        const { assert!(Argument::<Request>::TAKES_BODY) }
        const { assert!(!Argument::<of_a_user::Request>::TAKES_BODY) }
        const { assert!(!Argument::<axum::http::Method>::TAKES_BODY) }
    }
}

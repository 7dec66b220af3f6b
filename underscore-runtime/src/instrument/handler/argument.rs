//! Tells at compile time whether a handler's argument takes the body, so that one which is not the last
//! is blamed where it stands. axum itself only says that the function is no handler.

use std::marker::PhantomData;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{RawForm, Request};

/// An extractor of axum's that takes the body.
pub trait TakesBody {}

impl<T> TakesBody for Json<T> {}
impl TakesBody for Body {}
impl TakesBody for Bytes {}
impl TakesBody for RawForm {}
impl TakesBody for Request {}
impl TakesBody for String {}

/// An argument of a handler. `Argument::<T>::TAKES_BODY` is the constant below where that holds, and
/// otherwise the one of [`AnyArgument`]: what a type has of its own comes before what a trait gives it.
#[derive(Debug)]
pub struct Argument<T>(PhantomData<fn() -> T>);

impl<T: TakesBody> Argument<T> {
    /// This argument must be the last one.
    pub const TAKES_BODY: bool = true;
}

/// What holds for an argument of any type.
pub trait AnyArgument {
    /// As far as is known, this argument may stand anywhere.
    const TAKES_BODY: bool = false;
}

impl<T> AnyArgument for Argument<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A user's own extractor, named like one of axum's.
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

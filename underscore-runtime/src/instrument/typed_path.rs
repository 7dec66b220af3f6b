//! Annotated handlers for axum-extra's `typed_get` and similar methods, which take the path from
//! the first argument: that argument is the call, so a call has the path of its first extractor.

use std::fmt;

use axum_extra::routing::TypedPath;

use super::handler::Call;

/// Arguments whose first one is a typed path.
#[diagnostic::on_unimplemented(
    message = "the first of the arguments `{Self}` is no typed path",
    note = "the first argument must implement `TypedPath`; in a `Result` or an `Option`, write `.route(P::PATH, get(handler))`"
)]
pub trait BeginsWithPath {
    /// The path of the first argument.
    const PATH: &'static str;
}

impl<H, A: BeginsWithPath> TypedPath for Call<H, A> {
    const PATH: &'static str = A::PATH;
}

/// Required by `TypedPath`; never used for links to a call.
impl<H, A: BeginsWithPath> fmt::Display for Call<H, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(A::PATH)
    }
}

macro_rules! impl_begins_with_path {
    ($($argument:ident)*) => {
        // The compiler then prints the message of the trait, with its remedy.
        #[diagnostic::do_not_recommend]
        impl<P: TypedPath, $($argument),*> BeginsWithPath for (P, $($argument,)*) {
            const PATH: &'static str = P::PATH;
        }
    };
}

impl_begins_with_path!();
impl_begins_with_path!(T2);
impl_begins_with_path!(T2 T3);
impl_begins_with_path!(T2 T3 T4);
impl_begins_with_path!(T2 T3 T4 T5);
impl_begins_with_path!(T2 T3 T4 T5 T6);
impl_begins_with_path!(T2 T3 T4 T5 T6 T7);
impl_begins_with_path!(T2 T3 T4 T5 T6 T7 T8);
impl_begins_with_path!(T2 T3 T4 T5 T6 T7 T8 T9);
impl_begins_with_path!(T2 T3 T4 T5 T6 T7 T8 T9 T10);
impl_begins_with_path!(T2 T3 T4 T5 T6 T7 T8 T9 T10 T11);
impl_begins_with_path!(T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12);
impl_begins_with_path!(T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13);
impl_begins_with_path!(T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14);
impl_begins_with_path!(T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T15);
impl_begins_with_path!(T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T15 T16);

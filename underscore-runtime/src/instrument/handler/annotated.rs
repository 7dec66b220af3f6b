//! The trait that generated code implements for an annotated handler, and the marker of its call.

use std::marker::PhantomData;

use crate::routes::HandlerEntry;

/// An annotated handler: implemented by generated code for a type without values.
pub trait Annotated: 'static {
    /// The handler's entry in the link-time slice.
    const ENTRY: &'static HandlerEntry;
}

/// Marks that a [`Call`](super::Call) is extracted for arguments whose own marker is `M`.
#[derive(Debug)]
pub struct Via<M>(PhantomData<fn() -> M>);

//! The build without the feature `admin`: the names that generated code and `instrument` use,
//! without records, statistics and await tracking. A call is that of the plain function. Signatures
//! and bounds are those of the full build, so that code that compiles with one compiles with the
//! other.

use std::borrow::Cow;
use std::future::IntoFuture;

use axum::extract::Request;
use linkme::distributed_slice;
use tokio::task::JoinHandle;

/// Every annotated handler of the binary. No code of this build reads it.
#[distributed_slice]
pub static UNDERSCORE_RUNTIME_PASSTHROUGH: [&'static HandlerEntry];

pub use self::UNDERSCORE_RUNTIME_PASSTHROUGH as ROUTES;

/// The declaration of a handler, of which this build keeps no part.
#[derive(Debug)]
#[non_exhaustive]
pub struct HandlerEntry;

impl HandlerEntry {
    /// A handler at a place in the source.
    pub const fn new(_: &'static str, _: &'static str, _: u32, _: u32) -> Self {
        HandlerEntry
    }

    /// With the name in the attribute.
    #[must_use]
    pub const fn name(self, _: &'static str) -> Self {
        self
    }

    /// With the method in the attribute.
    #[must_use]
    pub const fn method(self, _: &'static str) -> Self {
        self
    }

    /// With the path in the attribute.
    #[must_use]
    pub const fn path(self, _: &'static str) -> Self {
        self
    }

    /// With the places of its arguments.
    #[must_use]
    pub const fn arguments(self, _: &'static [AwaitPoint]) -> Self {
        self
    }

    /// With its signature kept.
    #[must_use]
    pub const fn keep(self) -> Self {
        self
    }
}

/// The first local of a kept handler, of which this build keeps no part.
#[must_use = "the handler is over once this is dropped"]
#[derive(Debug)]
#[non_exhaustive]
pub struct KeptHandler;

/// No record is kept.
#[inline]
pub fn handler(_: &'static HandlerEntry) -> KeptHandler {
    KeptHandler
}

/// A place in the source where a future is awaited, of which this build keeps no part.
#[derive(Debug)]
#[non_exhaustive]
pub struct AwaitPoint;

impl AwaitPoint {
    /// A point in a function.
    pub const fn new(_: &'static str, _: &'static str, _: u32, _: u32, _: &'static str) -> Self {
        AwaitPoint
    }

    /// The same point in a nested body.
    #[must_use]
    pub const fn depth(self, _: u32) -> Self {
        self
    }
}

/// The future of [`at`].
pub type At<F> = F;

/// The future itself.
#[inline]
pub fn at<F: IntoFuture>(future: F, _: &'static AwaitPoint) -> At<F::IntoFuture> {
    future.into_future()
}

/// The future itself.
#[inline]
pub fn at_lock<F: IntoFuture>(_: usize, future: F, _: &'static AwaitPoint) -> At<F::IntoFuture> {
    future.into_future()
}

/// The future itself.
#[inline]
pub fn at_guard<F: IntoFuture>(_: usize, future: F, _: &'static AwaitPoint) -> At<F::IntoFuture> {
    future.into_future()
}

/// The value itself.
#[inline]
pub fn acquired<T>(_: usize, value: T, _: &'static AwaitPoint) -> T {
    value
}

/// An expression that a method is called on.
#[derive(Debug)]
pub struct Place<'a, T: ?Sized>(pub &'a T);

/// No lock is known.
pub trait KnownLock {}

/// The address of any place.
pub trait UnknownLock: Sized {
    #[doc(hidden)]
    #[inline]
    fn __underscore_address(self) -> usize {
        0
    }
}

impl<T: ?Sized> UnknownLock for &Place<'_, T> {}

/// A guard that would be listed as held until this is dropped.
#[must_use = "the guard is held while this lives"]
#[derive(Debug)]
#[non_exhaustive]
pub struct Hold;

/// No list is kept.
#[inline]
pub fn hold<T>(_: &'static [AwaitPoint], _: &T) -> Hold {
    Hold
}

impl Hold {
    /// The guard is dropped or moved.
    #[inline]
    pub fn release(&mut self) {}

    /// The guard is the value of the function.
    #[inline]
    pub fn hand_out(&mut self) {}

    /// The guard is moved elsewhere.
    #[inline]
    pub fn pass_on(&mut self) {}

    /// Methods are called on the guard.
    #[inline]
    pub fn release_if_taken_by(&mut self, _: &'static [&'static str]) {}
}

/// A point that would be in a stack until this is dropped.
#[derive(Debug)]
#[non_exhaustive]
pub struct Within;

/// No stack is kept.
#[must_use = "the point is in the stack until this is dropped"]
#[inline]
pub fn within(_: &'static AwaitPoint) -> Within {
    Within
}

/// The request that code is part of, of which this build keeps no part.
#[derive(Debug)]
#[non_exhaustive]
pub struct RequestContext;

/// The context that continues with an upgraded connection.
#[inline]
pub fn request_context() -> RequestContext {
    RequestContext
}

/// The future of [`RequestContext::wrap`].
pub type WithContext<F> = F;

impl RequestContext {
    /// The future itself.
    #[inline]
    pub fn wrap<F: Future>(self, future: F) -> WithContext<F> {
        future
    }
}

/// The request's body is the connection's own.
#[inline]
pub(crate) fn watch_body(_: &mut Request) {}

/// The future itself, which no operator can interrupt.
#[allow(
    clippy::manual_async_fn,
    reason = "an `async fn` would keep the name in its future"
)]
pub(crate) fn tracked<F: Future, E>(
    _: Cow<'static, str>,
    future: F,
) -> impl Future<Output = Result<F::Output, E>> {
    async move { Ok(future.await) }
}

/// The plain call on one of tokio's blocking threads.
#[track_caller]
pub(crate) fn tracked_blocking<F, T, E>(
    _: Cow<'static, str>,
    function: F,
) -> JoinHandle<Result<T, E>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    tokio::task::spawn_blocking(move || Ok(function()))
}

//! See and steer a live axum service with `curl`.
//!
//! An axum service hangs, and the engineer on call has a shell on the box and `curl`. With an attribute
//! on each handler and one line in `main`, she lists every route with its counters and every request
//! in flight with its age and **the line of code it is stuck on**, ends one route's requests with a real
//! answer to their clients, and makes a route answer 503 at once, through a Unix socket.
//!
//! ```
//! use axum::{Router, http::StatusCode, routing::get};
//! use underscore_runtime::{serve_admin, underscore_route};
//!
//! #[underscore_route]
//! async fn health() -> StatusCode {
//!     StatusCode::OK
//! }
//!
//! # fn main() -> std::io::Result<()> {
//! # let directory = tempfile::tempdir()?;
//! # let socket = directory.path().join("app.sock");
//! let app: Router = Router::new().route("/health", get(health));
//! let admin = serve_admin(&socket)?;
//! // ... axum::serve(listener, app) ...
//! # let _ = app;
//! assert!(admin.path().exists());
//! # admin.shutdown_blocking();
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//! curl --unix-socket /run/app.sock 'http://./_cat/tasks?v'
//! ```
//!
//! # What it does to a service
//!
//! - A request of an annotated handler is registered before anything is extracted from it, and struck
//!   off when its response is sent or dropped. The handler's future is dropped when it has its answer, never
//!   later, so its permits and connections are free when the client has it.
//! - Any other future is listed the same way if it is given to [`track`] or [`spawn`].
//! - A thread of this crate looks at what the service's workers do, and warns of those that are blocked.
//! - No lock of this crate is held while code of yours runs, and none is shared by all workers.
//! - Nothing listens anywhere before [`serve_admin`] is called, or [`admin_router`] is served.
//!
//! # Features
//!
//! | feature | by default | what it adds |
//! |---|---|---|
//! | `admin` | yes | [`serve_admin`], [`admin_router`], and all that is needed to look and to steer |
//! | `axum-extra` | no | axum-extra's `typed_get` and its like take annotated handlers |
//!
//! A library that annotates its handlers depends on this crate with `default-features = false`, and compiles the
//! attributes, [`RouterExt`], [`track`] and [`spawn`] only. If anything else in the binary asks for `admin`, the library's handlers are
//! listed as all others. The crate takes axum 0.8 and Rust 1.89 or newer.
//!
#![doc = include_str!("../guide.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "admin"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the docs are those of the build with `admin`"
    )
)]
// Nothing in here may panic: see docs/reliability.md.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[doc(hidden)]
pub mod __private;
mod instrument;

// Without `admin` a call passes through: `passthrough` has the names that `instrument` and generated
// code use of the modules below.
#[cfg(not(feature = "admin"))]
mod passthrough;
#[cfg(not(feature = "admin"))]
use passthrough::{self as routes, self as stack};

#[cfg(feature = "admin")]
mod admin;
#[cfg(feature = "admin")]
mod clock;
#[cfg(feature = "admin")]
mod dir_lock;
#[cfg(feature = "admin")]
mod error_body;
#[cfg(feature = "admin")]
mod fd;
#[cfg(feature = "admin")]
mod hex;
#[cfg(feature = "admin")]
mod housekeeping;
#[cfg(feature = "admin")]
mod json;
#[cfg(feature = "admin")]
mod log;
#[cfg(feature = "admin")]
mod node;
#[cfg(feature = "admin")]
mod route;
#[cfg(feature = "admin")]
mod routes;
#[cfg(feature = "admin")]
mod seq_count;
#[cfg(feature = "admin")]
mod serve;
#[cfg(feature = "admin")]
mod settings;
#[cfg(feature = "admin")]
mod settings_file;
#[cfg(feature = "admin")]
mod stack;
#[cfg(feature = "admin")]
mod stats;
#[cfg(feature = "admin")]
mod suggest;
#[cfg(feature = "admin")]
mod sync;
#[cfg(feature = "admin")]
mod task;
#[cfg(feature = "admin")]
mod temporary;
#[cfg(feature = "admin")]
mod threads;
#[cfg(feature = "admin")]
mod truncate;
#[cfg(feature = "admin")]
mod units;
#[cfg(feature = "admin")]
mod visible;
#[cfg(feature = "admin")]
mod workers;

#[cfg(feature = "admin")]
pub use admin::admin_router;
pub use instrument::{Interrupted, RouterExt, spawn, spawn_blocking, track};
#[cfg(feature = "admin")]
pub use serve::{AdminBuilder, AdminServer, serve_admin};

/// Makes an axum handler visible and interruptible.
///
/// The function keeps its name, its generics and its place in the router; what it takes becomes one
/// extractor that is the whole call, so a request is seen from before its first argument is extracted.
///
/// ```
/// use axum::{Json, Router, extract::Path, routing::get};
/// use underscore_runtime::underscore_route;
///
/// #[underscore_route(get, "/users/{id}", name = "user", inner = user_inner)]
/// async fn user(Path(id): Path<u32>) -> Json<u32> {
///     let doubled = async { id * 2 }.await;
///     Json(doubled)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # use tower::ServiceExt;
/// let app: Router = Router::new().route("/users/{id}", get(user));
/// # let request = axum::extract::Request::get("/users/21").body(axum::body::Body::empty()).unwrap();
/// # let response = app.oneshot(request).await.unwrap();
/// # let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
/// # assert_eq!(body, "42");
/// assert_eq!(user_inner(Path(21)).await.0, 42);
/// # });
/// ```
///
/// becomes roughly
///
/// ```text
/// async fn user_inner(Path(id): Path<u32>) -> Json<u32> {
///     let doubled = at(async { id * 2 }, &POINTS[0]).await;
///     Json(doubled)
/// }
/// fn user(call: Call<User, (Path<u32>,)>) -> impl Future<Output = Response> {
///     call.run(|(id,)| user_inner(id))
/// }
/// static ENTRY: HandlerEntry = /* handler's path, file, line, what stands in the parentheses */;
/// ```
///
/// # In the parentheses, all of it optional
///
/// - A method, one of axum's routing functions (`get`, `post`, ... `any`), and a path: shown until
///   a router brings a request and says what is really so. [`RouterExt`] mounts the handler there.
/// - `name = "user"`: a name for selectors, in place of the id.
/// - `inner = user_inner`: keeps the plain function callable under that name.
/// - `crate = path`: where this crate is found, if not at `::underscore_runtime`.
///
/// # With other attributes
///
/// `#[utoipa::path]` goes above, or the item that it generates is out of reach; `#[axum::debug_handler]`
/// below, for it calls the function; `#[tracing::instrument]` above or below. Where the dependency has another
/// name and no attribute shall say so, `extern crate its_name as underscore_runtime;` at the root gives it back.
///
/// # With axum-extra
///
/// Its extractors and responses are taken as axum's own are. `typed_get` and its like take a handler if the feature
/// `axum-extra` is on and its first argument is a `TypedPath`; with `Result<P, _>` or `Option<P>` there, and without the
/// feature, write `.route(P::PATH, get(handler))`, which is the same. `handler.or(other)` takes no annotated
/// handlers: write one that takes an `Either`.
///
/// Where axum says no more than that `Handler` is not implemented, `#[axum::debug_handler]` below names the argument that
/// is no extractor, here as without this attribute.
///
/// # What cannot be a handler
///
/// A method, for it has no place for the items that are generated beside it: write a free function that takes
/// `State(...)`. A function with `impl Trait` arguments: write a type parameter. More than sixteen
/// extractors, as in axum itself.
///
/// # Cancel safety
///
/// The handler's future is dropped when its client leaves, as axum does, and when an operator interrupts
/// it. What must happen in any case belongs in a `Drop`, or in a task of its own.
pub use underscore_macros::underscore_route;

/// Continues the stack below a handler: the awaits of a helper are shown inside of the await that it was
/// called from.
///
/// It goes on any `async fn`: a free function, a method, a trait's implementation, a generic one. Only the
/// awaits change, so the helper can be called from everywhere; outside of a tracked task it only awaits.
///
/// ```
/// use underscore_runtime::underscore_frame;
///
/// struct Pool;
///
/// impl Pool {
///     #[underscore_frame]
///     async fn get(&self) -> u8 {
///         std::future::ready(7).await
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(Pool.get().await, 7);
/// # });
/// ```
///
/// On an `impl`, a `trait` or a `mod { ... }`, it is on each function within that has no attribute of this crate: two words
/// above the queries of a service, and each stack names the query that it waits for.
///
/// ```
/// use underscore_runtime::underscore_frame;
///
/// struct Queries;
///
/// #[underscore_frame]
/// impl Queries {
///     async fn user(&self) -> u8 {
///         std::future::ready(7).await
///     }
///
///     async fn twice(&self) -> u8 {
///         self.user().await + self.user().await
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(Queries.twice().await, 14);
/// # });
/// ```
///
/// In the first example, `std::future::ready(7).await` becomes `at(std::future::ready(7), &POINTS[0]).await`, and that is all.
/// In the parentheses, `crate = path` says where this crate is found, if not at `::underscore_runtime`.
///
/// # Cancel safety
///
/// As cancel safe as the function without it.
pub use underscore_macros::underscore_frame;

/// The blocks of the README are tests of this crate. In the published package it lies elsewhere.
#[cfg(all(doctest, feature = "admin"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", env!("CARGO_PKG_README")))]
struct Readme;

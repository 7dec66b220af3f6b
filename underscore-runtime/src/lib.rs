//! See and steer a live axum service with `curl`.
//!
//! When an axum service hangs, the engineer on call has a shell on the host and `curl`. With an
//! attribute on each handler and one line in `main`, a Unix socket then lists every route with its
//! counters, and every request in flight with its age and **the line of code it is stuck on**. It
//! interrupts the requests of a route, whose clients get a real response, and makes a route respond
//! with 503 at once.
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
//! # Effects on a service
//!
//! - A request of an annotated handler is registered before its first argument is extracted, and
//!   removed when its response is sent or dropped. The handler's future is dropped once it has
//!   returned its response, so its permits and connections are free when the client has the
//!   response.
//! - [`track`] and [`spawn`] list any other future in the same way.
//! - A thread of this crate samples the service's workers and warns of blocked ones.
//! - No lock of this crate is held while the service's code runs, and none is shared by all
//!   workers.
//! - Nothing listens before [`serve_admin`] is called or [`admin_router`] or [`metrics_router`] is
//!   served.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `admin` | yes | [`serve_admin`], [`admin_router`], [`metrics_router`], and the records that they show |
//! | `axum-extra` | no | annotated handlers for axum-extra's `typed_get` and similar methods |
//! | `live` | yes | the page `/_live` for a browser; enables `admin` |
//! | `tracing-subscriber` | no | `log_filter`, with which `PUT /_logger` and the setting `log` change log levels; enables `admin` |
//!
//! A library that annotates its handlers depends on this crate with `default-features = false`.
//! Without `admin`, the attributes, [`RouterExt`], [`track`] and [`spawn`] compile to the plain
//! code: nothing is recorded, and most of this crate's dependencies are not compiled. Features are
//! unified over a binary: if any other crate in it enables `admin`, the library's handlers are
//! listed like all others. The crate requires axum 0.8 and Rust 1.89 or newer.
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
// The library must not panic: see docs/reliability.md.
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

// Without `admin`, calls pass through: `passthrough` provides the items of `routes` and `stack`
// that generated code and `instrument` use.
#[cfg(not(feature = "admin"))]
mod passthrough;
#[cfg(not(feature = "admin"))]
use passthrough::{self as routes, self as stack};

#[cfg(feature = "admin")]
mod admin;
#[cfg(feature = "admin")]
mod captures;
#[cfg(feature = "admin")]
mod clock;
#[cfg(feature = "admin")]
mod connection;
#[cfg(feature = "admin")]
mod dir_lock;
#[cfg(feature = "admin")]
mod ended;
#[cfg(feature = "admin")]
mod error_body;
#[cfg(feature = "admin")]
mod events;
#[cfg(feature = "admin")]
mod fd;
#[cfg(feature = "admin")]
mod guards;
#[cfg(feature = "admin")]
mod health;
#[cfg(feature = "admin")]
mod hex;
#[cfg(feature = "admin")]
mod housekeeping;
#[cfg(feature = "admin")]
mod json;
#[cfg(feature = "admin")]
mod log;
#[cfg(feature = "admin")]
mod log_level;
#[cfg(feature = "admin")]
mod logger;
#[cfg(feature = "admin")]
mod node;
#[cfg(feature = "admin")]
mod panics;
#[cfg(feature = "admin")]
mod placeholder;
#[cfg(feature = "admin")]
mod route;
#[cfg(feature = "admin")]
mod routes;
#[cfg(feature = "admin")]
mod sampling;
#[cfg(feature = "admin")]
mod seq_count;
#[cfg(feature = "admin")]
mod serve;
#[cfg(feature = "admin")]
mod settings;
#[cfg(feature = "admin")]
mod settings_file;
#[cfg(feature = "admin")]
mod shell;
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
mod throttle;
#[cfg(feature = "admin")]
mod trace_context;
#[cfg(feature = "admin")]
mod truncate;
#[cfg(feature = "admin")]
mod units;
#[cfg(feature = "admin")]
mod visible;
#[cfg(feature = "admin")]
mod waits;
#[cfg(feature = "admin")]
mod workers;

#[cfg(feature = "admin")]
pub use admin::{admin_router, metrics_router};
#[cfg(feature = "admin")]
pub use connection::{
    Listening, TrackedListener, TrackedStream, drained, listen, track_connection,
};
pub use instrument::{
    Interrupted, RequestFuture, RequestLayer, RequestService, RouterExt, spawn, spawn_blocking,
    track,
};
#[cfg(feature = "tracing-subscriber")]
pub use logger::{LogFilter, log_filter};
#[cfg(feature = "admin")]
pub use serve::{AdminBuilder, AdminServer, serve_admin};

/// Makes an axum handler visible and interruptible.
///
/// The function keeps its name, its generics and its use with a router. Its arguments become one
/// extractor, which is the whole call, so that a request is listed before its first argument is
/// extracted.
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
/// static ENTRY: HandlerEntry = /* path, file, line, arguments of the attribute */;
/// ```
///
/// # Arguments of the attribute
///
/// All are optional.
///
/// - A method, named like axum's routing functions (`get`, `post`, ... `any`), and a path: shown
///   until a request arrives through a router, whose method and path are shown from then on.
///   [`RouterExt`] mounts the handler there.
/// - `name = "user"`: a name for selectors, in place of the id.
/// - `inner = user_inner`: keeps the plain function callable under that name.
/// - `keep`: keeps the function itself, see below.
/// - `crate = path`: the path of this crate, if it is not `::underscore_runtime`.
///
/// # Keeping the function
///
/// With `keep`, the function keeps its signature. It can be called, stored in a table, mounted by a
/// router that is not axum's, such as aide's, and it can be a method or take arguments that are not
/// extractors:
///
/// ```
/// use std::collections::HashMap;
///
/// use axum::{Router, extract::Path, routing::get};
/// use underscore_runtime::underscore_route;
///
/// #[underscore_route(keep)]
/// async fn user(Path(id): Path<u32>) -> String {
///     std::future::ready(format!("user {id}")).await
/// }
///
/// #[derive(Clone)]
/// struct Api {
///     greeting: &'static str,
/// }
///
/// impl Api {
///     #[underscore_route(name = "greet", keep)]
///     async fn greet(&self, name: &str) -> String {
///         std::future::ready(format!("{}, {name}", self.greeting)).await
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(user(Path(7)).await, "user 7");
/// let handlers = HashMap::from([("user", user)]);
/// assert_eq!(handlers["user"](Path(8)).await, "user 8");
///
/// let api = Api { greeting: "hello" };
/// assert_eq!(api.greet("ann").await, "hello, ann");
///
/// let app: Router = Router::new()
///     .route("/users/{id}", get(user))
///     .route("/greet/{name}", get(async move |Path(name): Path<String>| api.greet(&name).await));
/// # use tower::ServiceExt;
/// # for (path, answer) in [("/users/9", "user 9"), ("/greet/bob", "hello, bob")] {
/// # let request = axum::extract::Request::get(path).body(axum::body::Body::empty()).unwrap();
/// # let response = app.clone().oneshot(request).await.unwrap();
/// # let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
/// # assert_eq!(body, answer);
/// # }
/// # });
/// ```
///
/// becomes roughly
///
/// ```text
/// async fn user(Path(id): Path<u32>) -> String {
///     static ENTRY: HandlerEntry = /* path, file, line, arguments of the attribute */;
///     let handler = handler(&ENTRY);
///     at(std::future::ready(format!("user {id}")), &POINTS[0]).await
/// }
/// ```
///
/// The attribute alone lists the handler. Its requests are begun by the layer [`RequestLayer`]
/// around the router, since such a function has no call of its own, and the function takes over the
/// record in its first poll: the extractors run before that. [`RouterExt::mount`] does not accept
/// it.
///
/// The first function with `keep` that runs in a request is its handler. One that middleware also
/// calls would be that of every request, so split it: a helper with
/// [`underscore_frame`](macro@underscore_frame) that both call.
///
/// A function that is not async must end in an async block, which may be boxed: `Box::pin(async
/// move { ... })`, as `#[async_trait]` writes it. Local variables are dropped as in the plain
/// function.
///
/// # Other attributes
///
/// `#[utoipa::path]` goes above this attribute, otherwise its generated item is out of reach.
/// `#[axum::debug_handler]` goes below, because it calls the function. `#[tracing::instrument]`
/// goes above or below. If the dependency is renamed, `extern crate its_name as
/// underscore_runtime;` at the crate root replaces `crate = path` in every attribute.
///
/// # axum-extra
///
/// Its extractors and responses work like axum's own. `typed_get` and similar methods accept a
/// handler if the feature `axum-extra` is enabled and the first argument is a `TypedPath`. For
/// `Result<P, _>` or `Option<P>`, and without the feature, write `.route(P::PATH, get(handler))`,
/// which is equivalent. `handler.or(other)` does not accept annotated handlers: write one that
/// takes an `Either`.
///
/// If axum only reports that `Handler` is not implemented, `#[axum::debug_handler]` below this
/// attribute names the argument that is not an extractor, as it does without this attribute.
///
/// # Unsupported functions
///
/// Unless they are kept with `keep`:
///
/// - A method, because the generated items cannot stand beside it: write a free function that takes
///   `State(...)`.
/// - A function with `impl Trait` arguments: write a type parameter.
/// - A function with more than sixteen extractors, the limit of axum.
///
/// # Cancel safety
///
/// The handler's future is dropped when its client disconnects, as in axum, and when an operator
/// interrupts the request. Code that must run in any case belongs in a `Drop` or in a separate
/// task.
pub use underscore_macros::underscore_route;

/// Continues the stack below a handler: the awaits of a helper are shown inside the await that
/// called it.
///
/// It can be put on any `async fn`: a free function, a method, a trait implementation, a generic
/// function. Only the awaits change, so callers are unaffected. Outside a tracked task, it has no
/// effect.
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
/// On an `impl`, a `trait` or a `mod { ... }` it applies to each function inside that has no
/// attribute of this crate. On the queries of a service, for example, each stack then names the
/// query that it waits for.
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
/// In the first example, `std::future::ready(7).await` becomes
/// `at(std::future::ready(7), &POINTS[0]).await`, and nothing else changes. `crate = path` in
/// parentheses is the path of this crate, if it is not `::underscore_runtime`.
///
/// # Cancel safety
///
/// The same as that of the function without the attribute.
pub use underscore_macros::underscore_frame;

/// Tests the code blocks of the README, whose path differs in the published package.
#[cfg(all(doctest, feature = "admin"))]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", env!("CARGO_PKG_README")))]
struct Readme;

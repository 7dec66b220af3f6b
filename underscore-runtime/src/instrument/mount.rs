//! Mounting a handler by the method and path of its attribute, so that they are written once.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, any, on};

use super::handler::{Annotated, Call, Via};

/// Implemented by generated code for a handler whose attribute has a method and a path.
#[diagnostic::on_unimplemented(
    message = "the attribute of this handler has no method and path, which `mount` needs",
    label = "mounted by an attribute that does not say where",
    note = "write `#[underscore_route(get, \"/path\")]` on the handler, or mount it with `.route(\"/path\", get(handler))`"
)]
pub trait Declared: Annotated {
    /// The declared method, `None` for `any`.
    const METHOD: Option<MethodFilter>;

    /// The declared path, in the syntax of axum's router.
    const PATH: &'static str;
}

/// A handler that [`RouterExt::mount`] takes. `T` is the type parameter of axum's `Handler`.
///
/// A trait of its own keeps the bounds out of the signature of `mount`. It has one implementation,
/// so that the compiler infers `T` from it and reports the bound that does not hold.
#[diagnostic::on_unimplemented(
    message = "`mount` takes a handler with the attribute `#[underscore_route(method, \"/path\")]`",
    label = "not an annotated handler",
    note = "write `#[underscore_route(get, \"/path\")]` on the handler, or mount it with `.route(\"/path\", get(handler))`"
)]
pub trait MountHandler<T, S>: Handler<T, S> {
    /// Adds the handler to `router`.
    #[track_caller]
    fn mount_in(self, router: Router<S>) -> Router<S>;
}

impl<H, E, A, M, S> MountHandler<(Via<M>, Call<E, A>), S> for H
where
    H: Handler<(Via<M>, Call<E, A>), S>,
    E: Declared,
    A: 'static,
    M: 'static,
    S: Clone + Send + Sync + 'static,
{
    #[track_caller]
    fn mount_in(self, router: Router<S>) -> Router<S> {
        let routing = match E::METHOD {
            Some(method) => on(method, self),
            None => any(self),
        };
        router.route(E::PATH, routing)
    }
}

/// Adds [`mount`](Self::mount) to axum's `Router`: a handler is mounted at the method and path in
/// its attribute.
///
/// The attribute is then the only place that names the path, and `_cat/routes` shows it before the
/// first request, apart from the prefix of a router that it is nested in. `Router::route` works as
/// before, for handlers with a layer of their own or with several paths.
///
/// ```
/// use axum::{Router, extract::{Path, State}};
/// use underscore_runtime::{RouterExt, underscore_route};
///
/// #[underscore_route(get, "/users/{id}")]
/// async fn user(State(greeting): State<&'static str>, Path(id): Path<u32>) -> String {
///     format!("{greeting}, {id}")
/// }
///
/// #[underscore_route(delete, "/users/{id}")]
/// async fn remove(Path(id): Path<u32>) -> String {
///     format!("bye, {id}")
/// }
///
/// let app: Router = Router::new().mount(user).mount(remove).with_state("hello");
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # use tower::ServiceExt;
/// # for (method, answer) in [("GET", "hello, 7"), ("DELETE", "bye, 7")] {
/// # let request = axum::extract::Request::builder().method(method).uri("/users/7");
/// # let response = app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
/// # let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
/// assert_eq!(body, answer); // GET: "hello, 7", DELETE: "bye, 7"
/// # }
/// # });
/// ```
///
/// A handler whose attribute has no method and path does not compile:
///
/// ```compile_fail
/// # use axum::Router;
/// # use underscore_runtime::{RouterExt, underscore_route};
/// #[underscore_route]
/// async fn nowhere() {}
///
/// let app: Router = Router::new().mount(nowhere);
/// ```
///
/// A nested router adds its prefix to the path, as it does for every route.
/// `_cat/routes?h=method,path,declared,as_declared` compares the declared path with the one of
/// requests. The prefix counts as a difference there, because clients have to send it.
///
/// The trait is sealed: it is implemented for axum's `Router` only. Beside the trait of the same
/// name in axum-extra, import it as `use underscore_runtime::RouterExt as _;`.
pub trait RouterExt<S>: Sealed + Sized {
    /// Mounts `handler`: `.mount(user)` is `.route("/users/{id}", get(user))` for the handler
    /// above.
    ///
    /// ```
    /// # use axum::Router;
    /// # use underscore_runtime::{RouterExt, underscore_route};
    /// #[underscore_route(any, "/health")]
    /// async fn health() -> &'static str {
    ///     "well"
    /// }
    ///
    /// let app: Router = Router::new().mount(health);
    /// assert!(app.has_routes());
    /// ```
    ///
    /// # Panics
    ///
    /// As `Router::route`: if the method and path have a handler already, or if the path is not
    /// valid for a router.
    #[must_use]
    #[track_caller]
    fn mount<H, T>(self, handler: H) -> Self
    where
        H: MountHandler<T, S>;
}

impl<S> RouterExt<S> for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    #[track_caller]
    fn mount<H, T>(self, handler: H) -> Self
    where
        H: MountHandler<T, S>,
    {
        handler.mount_in(self)
    }
}

/// Keeps [`RouterExt`] from being implemented elsewhere.
pub trait Sealed {}

impl<S> Sealed for Router<S> {}

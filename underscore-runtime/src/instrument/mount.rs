//! Mounts a handler where its attribute says, so that its method and path are written once.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, any, on};

use super::handler::{Annotated, Call, Via};

/// What generated code says of a handler whose attribute has a method and a path.
#[diagnostic::on_unimplemented(
    message = "the attribute of this handler has no method and path, which `mount` needs",
    label = "mounted by an attribute that does not say where",
    note = "write `#[underscore_route(get, \"/path\")]` on the handler, or mount it with `.route(\"/path\", get(handler))`"
)]
pub trait Declared: Annotated {
    /// What it answers to; nothing for `any`.
    const METHOD: Option<MethodFilter>;

    /// The path, as a router takes it.
    const PATH: &'static str;
}

/// Mounts annotated handlers by the method and path in their attributes.
///
/// The attribute is then the only place that says where a handler is: what `_cat/routes` shows before the first request
/// is what the router does, but for the prefix of a router that it is nested in. Beside it `Router::route` goes on as ever, for handlers with a layer of
/// their own or with more than one path.
///
/// ```
/// use axum::{Router, extract::{Path, State}};
/// use underscore_runtime::{Mount, underscore_route};
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
/// A handler whose attribute does not say where cannot be mounted:
///
/// ```compile_fail
/// # use axum::Router;
/// # use underscore_runtime::{Mount, underscore_route};
/// #[underscore_route]
/// async fn nowhere() {}
///
/// let app: Router = Router::new().mount(nowhere);
/// ```
///
/// A nested router puts its prefix before the path, as it does with each route. What a router does and an attribute says
/// is compared in `_cat/routes?h=method,path,declared,as_declared`; there the prefix is a difference, for clients have to
/// send it.
pub trait Mount<S>: Sized {
    /// Mounts `handler`: `.mount(user)` is `.route("/users/{id}", get(user))` for the handler above.
    ///
    /// ```
    /// # use axum::Router;
    /// # use underscore_runtime::{Mount, underscore_route};
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
    /// As `Router::route`: where another handler is mounted with this method and path already, or the path is none
    /// that a router takes.
    #[must_use]
    #[track_caller]
    fn mount<H, E, A, M>(self, handler: H) -> Self
    where
        H: Handler<(Via<M>, Call<E, A>), S>,
        E: Declared,
        A: 'static,
        M: 'static;
}

impl<S> Mount<S> for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    #[track_caller]
    fn mount<H, E, A, M>(self, handler: H) -> Self
    where
        H: Handler<(Via<M>, Call<E, A>), S>,
        E: Declared,
        A: 'static,
        M: 'static,
    {
        let routing = match E::METHOD {
            Some(method) => on(method, handler),
            None => any(handler),
        };
        self.route(E::PATH, routing)
    }
}

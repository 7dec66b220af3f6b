//! The layer and its service, as the host names them.

use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::future::{Endpoint, LayerEndpoints, RequestFuture};

/// A layer that makes each request a task, whatever answers it: an annotated handler, a closure, a
/// nested service, a fallback, or middleware.
///
/// Added last, it is around all other layers: time in their queues and in middleware is part of a
/// request, and settings such as `limit.active` and `timeout` act before them.
///
/// ```
/// use axum::{Router, http::StatusCode, routing::get};
/// use underscore_runtime::{RequestLayer, underscore_route};
///
/// #[underscore_route]
/// async fn stock() -> &'static str {
///     "3 left"
/// }
///
/// let app: Router = Router::new()
///     .route("/stock", get(stock))
///     .route("/ping", get(|| async { "pong" }))
///     .layer(RequestLayer::new());
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # use tower::ServiceExt;
/// # for (path, status) in [("/stock", 200), ("/ping", 200), ("/nowhere", 404)] {
/// # let request = axum::extract::Request::get(path).body(axum::body::Body::empty()).unwrap();
/// # let response = app.clone().oneshot(request).await.unwrap();
/// assert_eq!(response.status(), status); // 200 for /stock and /ping, 404 for /nowhere
/// # }
/// # });
/// ```
///
/// # One task for a request
///
/// An annotated handler inside continues the task that the layer has begun: one row, one count, one
/// interrupt. The column `stage` of `_cat/tasks` tells where the request is: `middleware`,
/// `extractors`, `handler`, `body`, or `service` where no annotated handler is known.
/// [`underscore_frame`](crate::underscore_frame) on a middleware function shows the line that it
/// waits at.
///
/// # Routes
///
/// A request counts on the route of the annotated handler that answers its method and path. Where
/// none is known, the layer has a route of its own: `handler` is `-`, `path` is the path in the
/// router, with the prefix of a nested service, and the id is a hash of method and path. Requests
/// that the router does not match are one route, `fallback`. Clients can add no routes.
///
/// The layer learns from the first request that reaches a handler which route is behind a path.
/// Until then the settings of the handler's route act when the request reaches the handler. A
/// handler whose attribute has a method and a path is known from the start.
///
/// # Around other services
///
/// It takes any service of `http` requests. Where there is no router of axum inside, all requests
/// are one route, which [`named`](Self::named) names. Around a whole `Router`, as opposed to in
/// [`Router::layer`](axum::Router::layer), it does not see the paths that the router matches.
///
/// One value of it is for one router: what it learns of a path holds for all of its clones.
///
/// A gRPC call that is answered in the service's place, by an interrupt or a setting, gets a status
/// of gRPC with the reason as its message: `UNAVAILABLE`, after a timeout `DEADLINE_EXCEEDED`.
///
/// A service of the layer is always ready: it waits within the request until the service inside is.
///
/// # Cancel safety
///
/// The service inside is dropped when its client disconnects, and when an operator interrupts the
/// request, like the handler of [`underscore_route`](crate::underscore_route).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is added to a router or service"]
pub struct RequestLayer {
    endpoints: LayerEndpoints,
}

impl RequestLayer {
    /// A layer whose unmatched requests count on the route `fallback`.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use underscore_runtime::RequestLayer;
    ///
    /// let app: Router = Router::new()
    ///     .route("/ping", get(|| async { "pong" }))
    ///     .layer(RequestLayer::new());
    /// assert!(app.has_routes());
    /// ```
    pub fn new() -> Self {
        Self::with_name("fallback")
    }

    fn with_name(name: &'static str) -> Self {
        RequestLayer {
            endpoints: LayerEndpoints::new(name),
        }
    }

    /// A layer whose unmatched requests count on a route with this name. It is part of URLs: ASCII
    /// letters, digits, `_`, `-`, `.` and `:`, and it does not begin with `_` or `-`.
    ///
    /// ```
    /// use tower::{Layer, service_fn};
    /// use underscore_runtime::RequestLayer;
    ///
    /// let greeter = service_fn(|_: axum::extract::Request| async {
    ///     Ok::<_, std::convert::Infallible>(axum::response::Response::new(axum::body::Body::from("hello")))
    /// });
    /// let service = RequestLayer::named("grpc").layer(greeter);
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use tower::ServiceExt;
    /// # let request = axum::extract::Request::new(axum::body::Body::empty());
    /// # let response = service.oneshot(request).await.unwrap();
    /// # let body = axum::body::to_bytes(response.into_body(), 9).await.unwrap();
    /// assert_eq!(body, "hello");
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// If the name has other characters or is empty.
    pub fn named(name: &'static str) -> Self {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        assert!(
            !name.starts_with(['_', '-']) && !name.is_empty() && name.chars().all(is_allowed),
            "{name:?} cannot be the name of a layer: write ASCII letters, digits, `_`, `-`, `.` and `:`, \
             and begin with none of `_` and `-`"
        );
        Self::with_name(name)
    }
}

impl Default for RequestLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> RequestService<S> {
        RequestService {
            inner,
            endpoint: Endpoint::new(&self.endpoints),
        }
    }
}

/// The service of [`RequestLayer`].
///
/// ```
/// use axum::{body::Body, extract::Request, response::Response};
/// use tower::{Layer, ServiceExt, service_fn};
/// use underscore_runtime::{RequestLayer, RequestService};
///
/// let inner = service_fn(|_: Request| async {
///     Ok::<_, std::convert::Infallible>(Response::new(Body::from("hello")))
/// });
/// let service: RequestService<_> = RequestLayer::named("inner").layer(inner);
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let response = service.oneshot(Request::new(Body::empty())).await;
/// assert_eq!(response.unwrap().status(), 200);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct RequestService<S> {
    inner: S,
    endpoint: Endpoint,
}

impl<S, B, R> Service<Request<B>> for RequestService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    B: 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = RequestFuture<S, B>;

    /// Ready: the future waits until the service inside is, so that the wait is part of a request.
    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> RequestFuture<S, B> {
        RequestFuture::new(&mut self.inner, request, &self.endpoint)
    }
}

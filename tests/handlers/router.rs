//! The data that axum's router passes to a layer around it, for code that names a route in a layer.
//! A version of axum that changes one of these facts fails here, by name.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, NestedPath, OriginalUri, Request, WebSocketUpgrade};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use tower::{Layer, Service, ServiceExt, service_fn};

/// The layer's view of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sight {
    method: Method,
    path: String,
    matched: Option<String>,
    nested: Option<String>,
    original: Option<String>,
}

/// A layer that writes down what it sees.
#[derive(Clone, Default)]
struct Probe(Arc<Mutex<Vec<Sight>>>);

#[derive(Clone)]
struct Probed<S> {
    inner: S,
    probe: Probe,
}

impl<S> Layer<S> for Probe {
    type Service = Probed<S>;

    fn layer(&self, inner: S) -> Probed<S> {
        Probed {
            inner,
            probe: self.clone(),
        }
    }
}

impl<S: Service<Request>> Service<Request> for Probed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> S::Future {
        let text = |path: &str| path.to_owned();
        let extensions = request.extensions();
        self.probe.0.lock().unwrap().push(Sight {
            method: request.method().clone(),
            path: text(request.uri().path()),
            matched: extensions
                .get::<MatchedPath>()
                .map(|path| text(path.as_str())),
            nested: extensions
                .get::<NestedPath>()
                .map(|path| text(path.as_str())),
            original: extensions.get::<OriginalUri>().map(|uri| text(uri.path())),
        });
        self.inner.call(request)
    }
}

impl Probe {
    /// Sends a request through `app`, and returns the status with what the layer saw.
    async fn sees(&self, app: &Router, method: Method, uri: &str) -> (StatusCode, Vec<Sight>) {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .body(Body::empty())
            .unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        (
            response.status(),
            std::mem::take(&mut *self.0.lock().unwrap()),
        )
    }

    /// The matched path of the one time the layer saw a GET request for `uri`.
    async fn matched(&self, app: &Router, uri: &str) -> Option<String> {
        let (_, sights) = self.sees(app, Method::GET, uri).await;
        assert_eq!(sights.len(), 1, "{uri}: {sights:?}");
        sights[0].matched.clone()
    }
}

async fn hello() -> &'static str {
    "hello"
}

#[allow(clippy::needless_pass_by_value, reason = "as services take it")]
fn echo_path(request: Request) -> Ready<Result<Response, Infallible>> {
    ready(Ok(request.uri().path().to_owned().into_response()))
}

#[tokio::test]
async fn a_route_has_its_template_as_matched_path() {
    let probe = Probe::default();
    let app = Router::new()
        .route("/users/{id}", get(hello))
        .layer(probe.clone());
    assert_eq!(
        probe.matched(&app, "/users/7").await.as_deref(),
        Some("/users/{id}")
    );
}

#[tokio::test]
async fn a_nested_router_has_the_whole_template() {
    let probe = Probe::default();
    let inner = Router::new()
        .route("/users/{id}", get(hello))
        .route("/", get(hello));
    let app = Router::new()
        .nest("/api/{version}", inner)
        .layer(probe.clone());
    let matched = probe.matched(&app, "/api/1/users/7").await;
    assert_eq!(matched.as_deref(), Some("/api/{version}/users/{id}"));
    assert_eq!(
        probe.matched(&app, "/api/1").await.as_deref(),
        Some("/api/{version}")
    );
    assert_eq!(probe.matched(&app, "/api/1/").await.as_deref(), None);
}

#[tokio::test]
async fn a_layer_within_a_nested_router_has_the_whole_template_too() {
    let probe = Probe::default();
    let inner = Router::new()
        .route("/users/{id}", get(hello))
        .layer(probe.clone());
    let app: Router = Router::new().nest("/api", inner);
    let (_, sights) = probe.sees(&app, Method::GET, "/api/users/7").await;
    assert_eq!(sights[0].matched.as_deref(), Some("/api/users/{id}"));
    assert_eq!(sights[0].nested.as_deref(), Some("/api"));
    assert_eq!(sights[0].path, "/users/7");
    assert_eq!(sights[0].original.as_deref(), Some("/api/users/7"));
}

#[tokio::test]
async fn a_nested_service_has_no_matched_path_and_its_prefix_is_not_stripped_yet() {
    let probe = Probe::default();
    let app = Router::new()
        .nest_service("/files", service_fn(echo_path))
        .layer(probe.clone());
    let (status, sights) = probe.sees(&app, Method::GET, "/files/a/b").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(sights.len(), 1);
    assert_eq!(sights[0].matched, None);
    assert_eq!(sights[0].nested, None);
    assert_eq!(sights[0].path, "/files/a/b");
}

/// Only axum can read the prefix of a nested service. A router appends its own template to it, so a
/// small router that is called with the request's extensions shows it.
#[tokio::test]
async fn the_prefix_of_a_nested_service_is_known_to_a_router_with_the_same_extensions() {
    fn prefix(request: &Request) -> Option<String> {
        let seen = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&seen);
        let ask = move |matched: MatchedPath| {
            *keep.lock().unwrap() = Some(matched.as_str().to_owned());
            ready(())
        };
        let mut probe = Request::new(Body::empty());
        *probe.uri_mut() = "/p".parse().unwrap();
        *probe.extensions_mut() = request.extensions().clone();
        let router: Router = Router::new().route("/p", any(ask));
        let mut answer = Box::pin(router.oneshot(probe));
        let waker = std::task::Waker::noop();
        assert!(
            answer
                .as_mut()
                .poll(&mut Context::from_waker(waker))
                .is_ready()
        );
        let matched = seen.lock().unwrap().take().unwrap();
        matched
            .strip_suffix("/p")
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
    }
    let seen: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let keep = Arc::clone(&seen);
    let look = axum::middleware::map_request(move |request: Request| {
        keep.lock().unwrap().push(prefix(&request));
        ready(request)
    });
    let within = Router::new().nest_service("/deep", service_fn(echo_path));
    let app: Router = Router::new()
        .nest_service("/files/{kind}", service_fn(echo_path))
        .nest("/api", within)
        .layer(look);
    for (uri, expected) in [
        ("/files/a/b", Some("/files/{kind}")),
        ("/files/a", Some("/files/{kind}")),
        ("/api/deep/x", Some("/api/deep")),
        ("/nowhere", None),
        ("/p", None),
    ] {
        let request = Request::get(uri).body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap();
        assert_eq!(
            seen.lock().unwrap().pop().unwrap().as_deref(),
            expected,
            "{uri}"
        );
    }
}

#[tokio::test]
async fn the_root_of_a_nested_service_has_its_prefix_as_matched_path() {
    let probe = Probe::default();
    let app = Router::new()
        .nest_service("/files", service_fn(echo_path))
        .layer(probe.clone());
    let matched = probe.matched(&app, "/files").await;
    assert_eq!(matched.as_deref(), Some("/files"));
    let matched = probe.matched(&app, "/files/").await;
    assert_eq!(matched.as_deref(), Some("/files/"));
}

#[tokio::test]
async fn a_route_service_has_its_template() {
    let probe = Probe::default();
    let app = Router::new()
        .route_service("/one/{id}", service_fn(echo_path))
        .layer(probe.clone());
    assert_eq!(
        probe.matched(&app, "/one/1").await.as_deref(),
        Some("/one/{id}")
    );
}

#[tokio::test]
async fn a_layer_sees_fallbacks_given_or_not_without_a_matched_path() {
    let probe = Probe::default();
    let bare = Router::new().route("/a", get(hello)).layer(probe.clone());
    let given = Router::new()
        .route("/a", get(hello))
        .fallback(hello)
        .layer(probe.clone());
    for (app, expected) in [(bare, StatusCode::NOT_FOUND), (given, StatusCode::OK)] {
        let (status, sights) = probe.sees(&app, Method::GET, "/b").await;
        assert_eq!(status, expected);
        assert_eq!(sights.len(), 1);
        assert_eq!(sights[0].matched, None);
    }
}

#[tokio::test]
async fn a_fallback_given_after_the_layer_is_out_of_its_sight() {
    let probe = Probe::default();
    let app: Router = Router::new()
        .route("/a", get(hello))
        .layer(probe.clone())
        .fallback(hello);
    let (status, sights) = probe.sees(&app, Method::GET, "/b").await;
    assert_eq!((status, sights.len()), (StatusCode::OK, 0));
    let app = app.route("/late", get(hello));
    let (status, sights) = probe.sees(&app, Method::GET, "/late").await;
    assert_eq!((status, sights.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn a_fallback_of_a_nested_router_is_a_fallback() {
    let probe = Probe::default();
    let inner = Router::new().route("/a", get(hello)).fallback(hello);
    let app = Router::new().nest("/api", inner).layer(probe.clone());
    let (status, sights) = probe.sees(&app, Method::GET, "/api/b").await;
    assert_eq!((status, sights.len()), (StatusCode::OK, 1));
    assert_eq!(sights[0].matched, None, "{sights:?}");
}

#[tokio::test]
async fn a_method_that_is_not_allowed_is_seen_with_its_template() {
    let probe = Probe::default();
    let bare = Router::new().route("/a", get(hello)).layer(probe.clone());
    let given = Router::new()
        .route("/a", get(hello))
        .method_not_allowed_fallback(hello)
        .layer(probe.clone());
    for (app, expected) in [
        (bare, StatusCode::METHOD_NOT_ALLOWED),
        (given, StatusCode::OK),
    ] {
        let (status, sights) = probe.sees(&app, Method::POST, "/a").await;
        assert_eq!(status, expected);
        assert_eq!(sights.len(), 1);
        assert_eq!(sights[0].matched.as_deref(), Some("/a"));
    }
}

#[tokio::test]
async fn a_route_layer_sees_routes_and_methods_that_are_not_allowed_but_no_fallback() {
    let probe = Probe::default();
    let app = Router::new()
        .route("/a", get(hello))
        .route_layer(probe.clone());
    assert_eq!(probe.matched(&app, "/a").await.as_deref(), Some("/a"));
    let (status, sights) = probe.sees(&app, Method::POST, "/a").await;
    assert_eq!((status, sights.len()), (StatusCode::METHOD_NOT_ALLOWED, 1));
    let (status, sights) = probe.sees(&app, Method::GET, "/b").await;
    assert_eq!((status, sights.len()), (StatusCode::NOT_FOUND, 0));
}

#[tokio::test]
async fn merged_routers_are_seen_where_they_were_merged_before_the_layer() {
    let probe = Probe::default();
    let one = Router::new().route("/one", get(hello));
    let two = Router::new().route("/two", get(hello));
    let three = Router::new().route("/three", get(hello));
    let app: Router = one.merge(two).layer(probe.clone()).merge(three);
    assert_eq!(probe.matched(&app, "/two").await.as_deref(), Some("/two"));
    let (_, sights) = probe.sees(&app, Method::GET, "/three").await;
    assert!(sights.is_empty());
}

#[tokio::test]
async fn head_stays_head_although_a_get_handler_answers_it() {
    let probe = Probe::default();
    let app = Router::new().route("/a", get(hello)).layer(probe.clone());
    let (status, sights) = probe.sees(&app, Method::HEAD, "/a").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(sights[0].method, Method::HEAD);
    assert_eq!(sights[0].matched.as_deref(), Some("/a"));
}

#[tokio::test]
async fn a_layer_around_the_whole_router_sees_no_template() {
    let probe = Probe::default();
    let app = Router::new().route("/a", get(hello));
    let service = probe.layer(app);
    let response = service
        .oneshot(Request::get("/a").body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(probe.0.lock().unwrap()[0].matched, None);
}

async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|_| async {})
}

/// A layer that counts the services it makes.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicUsize>);

impl<S> Layer<S> for Counted {
    type Service = S;

    fn layer(&self, inner: S) -> S {
        self.0.fetch_add(1, Ordering::Relaxed);
        inner
    }
}

#[tokio::test]
async fn a_router_without_its_state_makes_its_services_again_for_each_request() {
    let layer = Counted::default();
    let app: Router = Router::new().route("/a", get(hello)).layer(layer.clone());
    let made_for = async |app: &Router| {
        let before = layer.0.load(Ordering::Relaxed);
        for _ in 0..2 {
            let request = Request::get("/a").body(Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap();
        }
        layer.0.load(Ordering::Relaxed) - before
    };
    assert_eq!(made_for(&app).await, 2);
    let with_state: Router = app.with_state(());
    assert_eq!(made_for(&with_state).await, 0);
}

#[tokio::test]
async fn a_websocket_is_a_request_at_its_template() {
    let probe = Probe::default();
    let app = Router::new()
        .route("/ws/{room}", any(socket))
        .layer(probe.clone());
    let (status, sights) = probe.sees(&app, Method::CONNECT, "/ws/1").await;
    assert_ne!(status, StatusCode::NOT_FOUND);
    assert_eq!(sights[0].method, Method::CONNECT);
    assert_eq!(sights[0].matched.as_deref(), Some("/ws/{room}"));
}

#[tokio::test]
async fn connect_to_an_authority_is_a_fallback() {
    let probe = Probe::default();
    let app = Router::new().route("/a", get(hello)).layer(probe.clone());
    let (status, sights) = probe.sees(&app, Method::CONNECT, "example.com:443").await;
    assert_eq!((status, sights.len()), (StatusCode::NOT_FOUND, 1));
    assert_eq!(sights[0].matched, None);
    let app = Router::new()
        .route("/a", get(hello))
        .fallback(hello)
        .layer(probe.clone());
    let (status, sights) = probe.sees(&app, Method::CONNECT, "example.com:443").await;
    assert_eq!((status, sights.len()), (StatusCode::OK, 1), "{sights:?}");
}

#[tokio::test]
async fn a_method_router_has_its_layer_inside_of_the_routers() {
    let (outer, inner) = (Probe::default(), Probe::default());
    let app = Router::new()
        .route("/a", get(hello).layer(inner.clone()).merge(post(hello)))
        .layer(outer.clone());
    let (_, sights) = outer.sees(&app, Method::GET, "/a").await;
    assert_eq!(sights.len(), 1);
    assert_eq!(inner.0.lock().unwrap().len(), 1);
    outer.sees(&app, Method::POST, "/a").await;
    assert_eq!(
        inner.0.lock().unwrap().len(),
        1,
        "the other method has no such layer"
    );
}

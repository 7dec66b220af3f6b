//! Layers around services whose inner paths they do not see: a whole router, and nested services.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use reqwest::Method;
use serde_json::json;
use tower::{Layer, ServiceExt};
use underscore_runtime::{RequestLayer, underscore_route};

use crate::support::Service;

/// Serves `app` within a layer around all of it, whose requests count on the route `name`.
async fn whole(name: &'static str, app: Router) -> Service {
    let whole = RequestLayer::named(name).layer(app);
    Service::start(Router::new().fallback_service(whole)).await
}

#[underscore_route(name = "services.fallback")]
async fn fallback() -> &'static str {
    "fallback"
}

#[tokio::test]
async fn a_fallback_handler_does_not_take_the_other_requests_of_a_whole_router() {
    let app = Router::new()
        .route("/services/closure", get(|| async { "closure" }))
        .fallback(fallback);
    let service = whole("services.whole", app).await;
    for path in ["/services/nowhere", "/services/closure"] {
        assert_eq!(service.get(path).await.status, 200);
    }
    service
        .wait_for_ends("services.fallback", &[("completed", 1)])
        .await;
    service
        .wait_for_ends("services.whole", &[("completed", 1)])
        .await;
    let preempt = json!({"transient": {"preempt.status": 418}});
    service
        .put("_routes/services.fallback/settings", preempt)
        .await
        .ok_json();
    assert_eq!(service.get("/services/nowhere").await.status, 418);
    assert_eq!(service.get("/services/closure").await.status, 200);
}

#[underscore_route(name = "services.kept.one", keep)]
async fn kept_one() -> &'static str {
    "one"
}

#[underscore_route(name = "services.kept.two", keep)]
async fn kept_two() -> &'static str {
    "two"
}

#[tokio::test]
async fn each_kept_handler_has_its_own_route_where_paths_are_not_seen() {
    let app = || {
        Router::new()
            .route("/one", get(kept_one))
            .route("/two", get(kept_two))
    };
    let nested = Router::new()
        .nest_service("/services/kept", app())
        .layer(RequestLayer::new());
    let apps = [
        ("", whole("services.kept", app()).await),
        ("/services/kept", Service::start(nested).await),
    ];
    for ((prefix, service), count) in apps.into_iter().zip(1..) {
        for path in ["/one", "/two"] {
            service.get(&format!("{prefix}{path}")).await;
        }
        for route in ["services.kept.one", "services.kept.two"] {
            let rows = service
                .admin_json(&format!("_cat/routes/{route}?format=json&h=total"))
                .await;
            let totals = rows.as_array().expect("a table").iter();
            let sum: u64 = totals.filter_map(|row| row["total"].as_u64()).sum();
            assert_eq!(sum, count, "{route}: {rows:#}");
        }
    }
}

#[underscore_route(name = "services.index")]
async fn index() -> &'static str {
    "index"
}

#[tokio::test]
async fn a_handler_of_a_nested_service_takes_no_other_requests_of_it() {
    let files = Router::new()
        .route("/", get(index))
        .route("/other", get(|| async { "other" }));
    let app = Router::new()
        .nest_service("/services/files", files)
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    for path in ["/services/files/", "/services/files/other"] {
        assert_eq!(service.get(path).await.status, 200);
    }
    service
        .wait_for_ends("services.index", &[("completed", 1)])
        .await;
    service
        .wait_for_ends(
            "GET%20%2Fservices%2Ffiles%2F,-services.index",
            &[("completed", 1)],
        )
        .await;
}

#[tokio::test]
async fn a_method_that_is_not_allowed_counts_with_the_unmatched_in_two_layers_too() {
    let app = Router::new()
        .route("/services/get", get(|| async { "get" }))
        .layer(RequestLayer::new());
    let service = whole("services.not_allowed", app).await;
    for _ in 0..2 {
        let request = service.request(Method::POST, "/services/get");
        assert_eq!(request.send().await.expect("an answer").status(), 405);
    }
    service
        .wait_for_ends("services.not_allowed", &[("completed", 2)])
        .await;
    let row = service.admin("_cat/routes/POST%20%2Fservices%2Fget").await;
    assert_eq!(row.status, 404, "{}", row.text);
}

#[underscore_route(name = "services.spawned")]
async fn spawned() -> &'static str {
    "spawned"
}

#[tokio::test]
async fn a_layer_in_another_tokio_task_begins_no_second_task() {
    let spawns = from_fn(|request: Request, next: Next| async move {
        tokio::spawn(next.run(request)).await.expect("it ends")
    });
    let app = Router::new()
        .route("/services/spawned", get(spawned))
        .route("/services/spawned/closure", get(|| async { "closure" }))
        .route_layer(RequestLayer::new())
        .layer(spawns)
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    for path in ["/services/spawned", "/services/spawned/closure"] {
        for _ in 0..2 {
            assert_eq!(service.get(path).await.status, 200);
        }
    }
    service
        .wait_for_ends("services.spawned", &[("completed", 2)])
        .await;
    service
        .wait_for_ends("GET%20%2Fservices%2Fspawned%2Fclosure", &[("completed", 2)])
        .await;
}

#[underscore_route(name = "services.forwards")]
async fn forwarded() -> &'static str {
    "forwarded"
}

#[underscore_route(name = "services.direct")]
async fn direct() -> &'static str {
    "direct"
}

#[tokio::test]
async fn a_request_that_middleware_forwards_counts_once_on_the_handler_that_answers() {
    let other = Router::new().route("/services/{forwarded}", get(forwarded));
    let forwards = from_fn(move |request: Request, next: Next| {
        let other = other.clone();
        async move {
            if !request.headers().contains_key("forward") {
                return next.run(request).await;
            }
            match other.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    });
    let app = Router::new()
        .route("/services/direct", get(direct))
        .layer(forwards)
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    assert_eq!(service.get("/services/direct").await.text, "direct");
    let request = service.request(Method::GET, "/services/direct");
    let answer = request.header("forward", "1").send().await;
    let text = answer.expect("an answer").text().await.expect("a text");
    assert_eq!(text, "forwarded");
    service
        .wait_for_ends("services.forwards", &[("completed", 1)])
        .await;
    service
        .wait_for_ends("services.direct", &[("completed", 1)])
        .await;
}

#[underscore_route(name = "services.mirrored")]
async fn mirrored(request: Request) -> Response {
    use futures_util::StreamExt as _;
    let first = futures_util::stream::iter([Ok::<_, std::convert::Infallible>("first")]);
    let body = if request.headers().contains_key("mirrored") {
        axum::body::Body::empty()
    } else {
        let last = MIRRORED.acquire().await.expect("it is open");
        last.forget();
        let rest = futures_util::stream::once(async {
            LAST.acquire().await.expect("it is open").forget();
            Ok("last")
        });
        axum::body::Body::from_stream(first.chain(rest))
    };
    Response::new(body)
}

static MIRRORED: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);
static MIRROR: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(0);
static LAST: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(0);

#[tokio::test]
async fn a_copy_of_a_request_does_not_end_its_response() {
    let (ended, mut was_ended) = tokio::sync::mpsc::channel(1);
    let mirrors = from_fn(move |request: Request, next: Next| {
        let ended = ended.clone();
        async move {
            let mut copy = Request::new(axum::body::Body::empty());
            *copy.uri_mut() = request.uri().clone();
            *copy.extensions_mut() = request.extensions().clone();
            let one = axum::http::HeaderValue::from_static("1");
            copy.headers_mut().insert("mirrored", one);
            let again = next.clone();
            tokio::spawn(async move {
                MIRROR.acquire().await.expect("it is open").forget();
                again.run(copy).await;
                ended.send(()).await.expect("the test waits");
            });
            next.run(request).await
        }
    });
    let app = Router::new()
        .route("/services/mirrored", get(mirrored))
        .layer(mirrors)
        .layer(RequestLayer::new());
    let service = Service::start(app).await;
    let request = service.request(Method::GET, "/services/mirrored");
    let mut response = request.send().await.expect("a response");
    let first = response.chunk().await.expect("a part of the body");
    assert_eq!(first.as_deref(), Some(&b"first"[..]));
    MIRROR.add_permits(1);
    was_ended.recv().await.expect("the copy is answered");
    LAST.add_permits(1);
    let rest = response.chunk().await.expect("the rest of the body");
    assert_eq!(rest.as_deref(), Some(&b"last"[..]));
    service
        .wait_for_ends("services.mirrored", &[("completed", 1)])
        .await;
}

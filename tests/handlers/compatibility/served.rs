//! Places for a handler other than `Router::route`.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request, State};
use axum::handler::{Handler, HandlerWithoutStateExt};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{
    MethodFilter, MethodRouter, any, any_service, delete, get, get_service, head, on, on_service,
    options, patch, post, put, trace,
};
use tower::{ServiceExt, service_fn};
use underscore_runtime::underscore_route;

use crate::support::Service;

#[underscore_route]
async fn told(method: Method, OriginalUri(uri): OriginalUri) -> String {
    format!("{method} {uri}")
}

#[underscore_route]
async fn greeting(State(greeting): State<&'static str>, request: Request) -> String {
    format!("{greeting} {}", request.uri().path())
}

#[underscore_route]
async fn refusal() -> (StatusCode, &'static str) {
    (StatusCode::IM_A_TEAPOT, "refused")
}

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1000).await;
    String::from_utf8(bytes.expect("it is short").to_vec()).expect("it is text")
}

fn request(path: &str) -> Request {
    Request::get(path).body(Body::empty()).expect("it is right")
}

#[tokio::test]
async fn a_handler_is_mounted_under_every_method() {
    let on_two = on(MethodFilter::GET.or(MethodFilter::DELETE), told).on(MethodFilter::PUT, told);
    let chain = get(told)
        .post(told)
        .put(told)
        .delete(told)
        .patch(told)
        .options(told)
        .trace(told);
    let app = Router::new()
        .route("/on", on_two)
        .route("/chain", chain.head(told))
        .route("/merged", post(told).merge(put(told)).fallback(refusal))
        .route(
            "/first",
            delete(told)
                .merge(head(told))
                .merge(options(told))
                .merge(patch(told))
                .merge(trace(told)),
        )
        .route("/any", any(told));
    let service = Service::start(app).await;
    let send = async |method: Method, path: &str| {
        let answer = service
            .request(method, path)
            .send()
            .await
            .expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    };
    for (path, methods, refused) in [
        ("/on", "GET DELETE PUT", 405),
        (
            "/chain",
            "GET POST PUT DELETE PATCH OPTIONS TRACE HEAD",
            405,
        ),
        ("/merged", "POST PUT", 418),
        ("/first", "DELETE OPTIONS PATCH TRACE HEAD", 405),
        ("/any", "GET POST PUT DELETE PATCH OPTIONS TRACE FOUND", 405),
    ] {
        for method in methods.split(' ') {
            let parsed = method.parse::<Method>().expect("a method");
            let told = match method {
                "HEAD" => String::new(),
                _ => format!("{method} {path}"),
            };
            assert_eq!(send(parsed, path).await, (200, told), "{method} {path}");
        }
        if path != "/any" {
            let unknown = "FOUND".parse::<Method>().expect("a method");
            assert_eq!(send(unknown, path).await.0, refused);
        }
    }
}

#[tokio::test]
async fn a_handler_is_a_fallback_of_every_kind() {
    let inner = Router::new().route("/found", get(told)).fallback(told);
    let app = Router::new()
        .route("/found", get(told))
        .nest("/inner", inner)
        .method_not_allowed_fallback(refusal)
        .fallback_service(refusal.into_service());
    let service = Service::start(app).await;
    assert_eq!(
        service.get("/inner/nowhere").await.text,
        "GET /inner/nowhere"
    );
    assert_eq!(service.get("/inner/found").await.text, "GET /inner/found");
    assert_eq!(service.get("/nowhere").await.text, "refused");
    let posted = service.request(Method::POST, "/found").send().await;
    assert_eq!(posted.expect("an answer").status(), 418);
}

#[tokio::test]
async fn a_handler_is_mounted_beside_services_and_becomes_one() {
    let plain =
        service_fn(async |_: Request| Ok::<_, Infallible>(Response::new(Body::from("plain"))));
    let app = Router::new()
        .route("/beside", get_service(plain).post(told))
        .route("/as", get_service(told.into_service()))
        .route(
            "/on",
            on_service(MethodFilter::GET, greeting.with_state("on")),
        )
        .route("/any", any_service(greeting.with_state("hello")))
        .route_service("/service", greeting.with_state("bye"))
        .nest_service("/nested", greeting.with_state("nested"));
    let service = Service::start(app).await;
    assert_eq!(service.get("/beside").await.text, "plain");
    let posted = service.request(Method::POST, "/beside").send().await;
    assert_eq!(
        posted.expect("an answer").text().await.expect("text"),
        "POST /beside"
    );
    assert_eq!(service.get("/as").await.text, "GET /as");
    assert_eq!(service.get("/on").await.text, "on /on");
    assert_eq!(service.get("/any").await.text, "hello /any");
    assert_eq!(service.get("/service").await.text, "bye /service");
    assert_eq!(service.get("/nested/deep").await.text, "nested /deep");
}

#[tokio::test]
async fn a_handler_is_served_without_a_router() {
    let response = told.into_service().oneshot(request("/alone")).await;
    assert_eq!(text(response.expect("it cannot fail")).await, "GET /alone");
    let response = greeting
        .with_state("hello")
        .oneshot(request("/with-state"))
        .await;
    assert_eq!(
        text(response.expect("it cannot fail")).await,
        "hello /with-state"
    );
    let response = Handler::call(told, request("/called"), ()).await;
    assert_eq!(text(response).await, "GET /called");

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let server = tokio::spawn(axum::serve(listener, told.into_make_service()).into_future());
    let answer = reqwest::get(format!("http://{address}/served")).await;
    assert_eq!(
        answer.expect("an answer").text().await.expect("text"),
        "GET /served"
    );
    server.abort();
}

#[tokio::test]
async fn a_router_of_any_state_goes_through_a_function_of_any_type() {
    fn mounted<S: Clone + Send + Sync + 'static>(path: &str, route: MethodRouter<S>) -> Router<S> {
        Router::new().route(path, route)
    }
    let stateless: Router<()> = mounted("/stateless", get(told));
    let app: Router = mounted("/stateful", get(greeting))
        .with_state("hello")
        .merge(stateless);
    let response = app
        .clone()
        .oneshot(request("/stateful"))
        .await
        .expect("it cannot fail");
    assert_eq!(text(response).await, "hello /stateful");
    let response = app
        .oneshot(request("/stateless"))
        .await
        .expect("it cannot fail");
    assert_eq!(text(response).await, "GET /stateless");
}

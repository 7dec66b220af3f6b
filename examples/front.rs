//! The front of a system: a handler, a closure, static files and a reverse proxy, behind middleware
//! that asks an auth service.
//!
//! ```text
//! cargo run --example front -- [--listen 127.0.0.1:8085] [--admin PATH]
//! ```
//!
//! The commands to try are printed at the start. `RequestLayer` makes each request a task on its
//! arrival, so requests that hang in the middleware are listed, whatever would answer them. This is
//! what an operator sees while the auth service does not answer:
//!
//! ```console
//! $ curl -s --unix-socket /tmp/front.sock 'http://./_cat/tasks?v'
//! id route_id method path         state   stage      running_time where                 awaiting
//!  6 ecf29b25 GET    /ping        waiting service            1.2s examples/front.rs:122 backend.client.get(uri)
//!  7 14258d9f GET    /files/      waiting service            1.2s examples/front.rs:122 backend.client.get(uri)
//!  8 3d1be640 GET    /orders/{id} waiting service            1.2s examples/front.rs:122 backend.client.get(uri)
//!  9 7a3e7d73 GET    /stock       waiting middleware         1.2s examples/front.rs:122 backend.client.get(uri)
//! 10 7a3e7d73 GET    /stock       waiting middleware         1.2s examples/front.rs:122 backend.client.get(uri)
//! 11 7a3e7d73 GET    /stock       waiting middleware         1.2s examples/front.rs:122 backend.client.get(uri)
//!
//! $ curl -s --unix-socket /tmp/front.sock 'http://./_cat/routes?v'
//! id       handler      method path         stats.req.active stats.req.total
//! 03f231ab -            POST   /auth/{mode}                0               1
//! 14258d9f -            GET    /files/                     1               2
//! 3d1be640 -            GET    /orders/{id}                1               2
//! ecf29b25 -            GET    /ping                       1               2
//! 7a3e7d73 front::stock GET    /stock                      3               4
//! 9c32bd77 -            ANY    -                           0               1
//! ```

use std::error::Error;
use std::process::ExitCode;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::uri::{Authority, Scheme};
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::services::ServeDir;
use underscore_runtime::{RequestLayer, serve_admin, underscore_frame, underscore_route};

#[path = "shared/mod.rs"]
mod shared;

/// The commands to try.
const COMMANDS: &str = r#"
  # A handler, a closure, a file, the proxy, and a path that does not exist.
  curl -s $APP/stock
  curl -s $APP/ping
  curl -s -o /dev/null $APP/files/front.rs
  curl -s $APP/orders/7
  curl -s $APP/nowhere
  curl -s --unix-socket $SOCKET 'http://./_cat/routes?v&h=name,handler,method,path,active,total'

  # The auth service hangs: all requests wait for it, whatever would answer them.
  curl -s -X POST $APP/auth/hang
  seq 3 | xargs -P 3 -I{} curl -s '$APP/stock?{}' &
  curl -s $APP/ping &
  curl -s $APP/files/front.rs &
  curl -s $APP/orders/7 &
  sleep 1
  curl -s --unix-socket $SOCKET 'http://./_cat/tasks?v'
  curl -s --unix-socket $SOCKET 'http://./_cat/routes?v'

  # Answer all of them at once.
  curl -s -w '\n' --unix-socket $SOCKET -X POST 'http://./_routes/_all/_interrupt?reason=auth+is+down'

  # Until it is back, let one request of /stock wait for it. Further ones get 503 before that.
  curl -s -w '\n' --unix-socket $SOCKET -X PUT 'http://./_routes/stock/_settings' -H 'Content-Type: application/json' \
    -d '{"transient":{"limit.active":1},"expires_in":"10m"}'
  curl -s $APP/stock &
  sleep 1
  curl -s -i $APP/stock

  # The auth service is back, and the request that waited is answered.
  curl -s -X POST $APP/auth/answer
  curl -s -w '\n' --unix-socket $SOCKET -X PUT 'http://./_routes/stock/_settings' -H 'Content-Type: application/json' \
    -d '{"transient":{"limit.active":null}}'
  curl -s --unix-socket $SOCKET 'http://./_cat/routes?v&h=name,handler,path,total,completed,interrupted,rejected'
"#;

/// The files are the examples. The path is absolute, so that any working directory will do.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

/// The services behind this one. They have one address here.
#[derive(Clone)]
struct Backend {
    client: Client<HttpConnector, Body>,
    address: Authority,
}

impl Backend {
    fn uri(&self, path: &str) -> Result<Uri, axum::http::Error> {
        let uri = Uri::builder().scheme(Scheme::HTTP);
        uri.authority(self.address.clone())
            .path_and_query(path)
            .build()
    }
}

#[underscore_route(get, "/stock", name = "stock")]
async fn stock() -> &'static str {
    "3 left\n"
}

/// Lets a request through if the auth service says so. The attribute shows the line on which
/// requests wait for its answer.
#[underscore_frame]
async fn authorize(State(backend): State<Backend>, request: Request, next: Next) -> Response {
    let Ok(uri) = backend.uri("/authorize") else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match backend.client.get(uri).await {
        Ok(answer) if answer.status().is_success() => next.run(request).await,
        Ok(_) => StatusCode::UNAUTHORIZED.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Sends a request on to the backend.
async fn proxy(State(backend): State<Backend>, mut request: Request) -> Response {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    match backend.uri(path) {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    }
    match backend.client.request(request).await {
        Ok(response) => response.into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// The service.
fn app(backend: Backend, is_hanging: watch::Sender<bool>) -> Router {
    Router::new()
        .route("/stock", get(stock))
        .route("/ping", get(|| async { "pong\n" }))
        .nest_service("/files", ServeDir::new(FILES))
        .route("/orders/{id}", any(proxy))
        .fallback(|| async { (StatusCode::NOT_FOUND, "no such page\n") })
        .layer(from_fn_with_state(backend.clone(), authorize))
        // Added after the middleware, so without it.
        .route(
            "/auth/{mode}",
            post(|mode| async move { switch(mode, &is_hanging) }),
        )
        // Last, so that it is around all others: a request is a task before it is authorized.
        .layer(RequestLayer::new())
        .with_state(backend)
}

/// Makes the auth service hang, or answer.
fn switch(Path(mode): Path<String>, is_hanging: &watch::Sender<bool>) -> Response {
    let hang = match mode.as_str() {
        "hang" => true,
        "answer" => false,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    is_hanging.send_replace(hang);
    format!("auth: {mode}\n").into_response()
}

/// The services behind this one, in the same process for the sake of the example, and without the
/// layer.
fn backend(is_hanging: watch::Receiver<bool>) -> Router {
    let authorize = || async move {
        // Not an error, because the sender lives as long as the service.
        let _ = is_hanging.clone().wait_for(|hanging| !hanging).await;
    };
    Router::new().route("/authorize", get(authorize)).route(
        "/orders/{id}",
        get(|Path(id): Path<u32>| async move { format!("order {id}\n") }),
    )
}

#[tokio::main]
async fn main() -> ExitCode {
    shared::exit("front", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = shared::Options::parse("front", 8085)?;
    let listener = options.listener().await?;
    let admin = serve_admin(&options.admin)?;
    let behind = TcpListener::bind("127.0.0.1:0").await?;
    let services = Backend {
        client: Client::builder(TokioExecutor::new()).build_http(),
        address: behind.local_addr()?.to_string().parse()?,
    };
    let (is_hanging, hangs) = watch::channel(false);
    tokio::spawn(axum::serve(behind, backend(hangs)).into_future());
    shared::greet(&listener, admin.path(), COMMANDS)?;
    shared::serve(listener, app(services, is_hanging)).await?;
    admin.shutdown().await;
    Ok(())
}

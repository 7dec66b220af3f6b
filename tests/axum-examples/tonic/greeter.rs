//! A tonic service under `RequestLayer`, in tonic's own server and merged into a router of axum:
//! each call is one task and is counted once, whether it returns, streams or hangs.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::http::Method;
use axum::http::uri::PathAndQuery;
use axum::routing::get;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt, iter};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, http};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::{Service, ServiceExt, service_fn};
use underscore_runtime::{RequestLayer, admin_router};

/// Deadline of a wait, longer than any operation takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, PartialEq, prost::Message)]
struct Hello {
    #[prost(string, tag = "1")]
    name: String,
}

/// The service, as tonic's generator writes it.
#[derive(Clone)]
struct Greeter;

impl NamedService for Greeter {
    const NAME: &'static str = "hello.Greeter";
}

impl Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut server = tonic::server::Grpc::new(ProstCodec::<Hello, Hello>::default());
            Ok(match request.uri().path() {
                "/hello.Greeter/Greet" => server.unary(service_fn(greet), request).await,
                "/hello.Greeter/Stream" => {
                    server.server_streaming(service_fn(stream), request).await
                }
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

async fn greet(request: Request<Hello>) -> Result<Response<Hello>, Status> {
    match request.into_inner().name.as_str() {
        "hang" => pending().await,
        "" => Err(Status::invalid_argument("a name is missing")),
        name => Ok(Response::new(hello(&format!("hello {name}")))),
    }
}

/// Three messages, then the end, an error in the trailers, or nothing more.
fn stream(
    request: Request<Hello>,
) -> std::future::Ready<Result<Response<impl Stream<Item = Result<Hello, Status>>>, Status>> {
    let name = request.into_inner().name;
    let messages = iter((1..=3).map(|number| Ok(hello(&number.to_string()))));
    let (error, hangs) = (name == "fail", name == "hang");
    let error = iter(error.then(|| {
        let mut metadata = MetadataMap::new();
        metadata.insert("at", MetadataValue::from_static("the fourth"));
        Err(Status::with_metadata(Code::DataLoss, "lost", metadata))
    }));
    let rest = iter(hangs.then_some(())).then(|()| pending());
    ready(Ok(Response::new(messages.chain(error).chain(rest))))
}

fn hello(name: &str) -> Hello {
    Hello {
        name: name.to_owned(),
    }
}

/// A client of the service.
#[derive(Clone)]
struct Client(tonic::client::Grpc<Channel>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let channel = endpoint.connect().await.expect("it is served");
        Client(tonic::client::Grpc::new(channel))
    }

    async fn unary(&mut self, path: &'static str, name: &str) -> Result<Response<Hello>, Status> {
        self.0.ready().await.expect("the server is there");
        let path = PathAndQuery::from_static(path);
        let codec = ProstCodec::<Hello, Hello>::default();
        self.0.unary(Request::new(hello(name)), path, codec).await
    }

    async fn greet(&mut self, name: &str) -> Result<Response<Hello>, Status> {
        self.unary("/hello.Greeter/Greet", name).await
    }

    async fn stream(&mut self, name: &str) -> Streaming<Hello> {
        self.0.ready().await.expect("the server is there");
        let path = PathAndQuery::from_static("/hello.Greeter/Stream");
        let codec = ProstCodec::<Hello, Hello>::default();
        let streaming = self
            .0
            .server_streaming(Request::new(hello(name)), path, codec);
        streaming.await.expect("a stream").into_inner()
    }
}

/// Sends a request to the admin API.
async fn admin(method: Method, path: &str) -> Value {
    let request = axum::extract::Request::builder().method(method).uri(path);
    let request = request.body(axum::body::Body::empty()).expect("a request");
    let response = admin_router().oneshot(request).await.expect("an answer");
    let (status, body) = (response.status(), response.into_body());
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    assert!(
        status.is_success(),
        "{status} {}",
        String::from_utf8_lossy(&body)
    );
    serde_json::from_slice(&body).expect("it is JSON")
}

/// Waits until the first row of a table satisfies `is_so`, and returns it.
async fn row(table: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = admin(Method::GET, table).await;
        if is_so(&rows[0]) {
            return rows[0].clone();
        }
        assert!(Instant::now() < deadline, "{table}: {rows:#}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until the requests of `route` have ended so, and no others.
async fn ended(route: &str, completed: u64, interrupted: u64) {
    let table = format!("/_cat/routes/{route}?format=json&h=*");
    row(&table, |row| {
        row["stats.req.active"] == 0
            && row["stats.req.total"] == completed + interrupted
            && row["stats.end.completed"] == completed
            && row["stats.end.interrupted"] == interrupted
    })
    .await;
}

/// Calls all methods of the service at `address`, whose calls count on `route`.
async fn each_call_is_one_task(address: SocketAddr, route: &str) {
    let mut client = Client::connect(address).await;
    let answer = client.greet("you").await.expect("a greeting");
    assert_eq!(
        answer.metadata().get("grpc-status").expect("a trailer"),
        "0"
    );
    assert_eq!(answer.into_inner(), hello("hello you"));
    let refused = client.greet("").await.expect_err("no name");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let unknown = client.unary("/hello.Greeter/Other", "you").await;
    assert_eq!(unknown.expect_err("no method").code(), Code::Unimplemented);

    let mut messages = client.stream("you").await;
    for number in ["1", "2", "3"] {
        let message = messages.message().await.expect("no error");
        assert_eq!(message, Some(hello(number)));
    }
    assert_eq!(messages.message().await.expect("no error"), None);
    let trailers = messages.trailers().await.expect("no error");
    assert_eq!(
        trailers
            .expect("trailers")
            .get("grpc-status")
            .expect("a status"),
        "0"
    );

    let messages: Vec<_> = client.stream("fail").await.collect().await;
    let error = messages
        .last()
        .expect("messages")
        .as_ref()
        .expect_err("it is lost");
    assert_eq!(
        (messages.len(), error.code(), error.message()),
        (4, Code::DataLoss, "lost")
    );
    assert_eq!(error.metadata().get("at").expect("a trailer"), "the fourth");
    ended(route, 5, 0).await;

    // A call that hangs before its response, and one in its stream.
    let hanging = tokio::spawn({
        let mut client = client.clone();
        async move { client.greet("hang").await }
    });
    let task = format!("/_cat/tasks?format=json&h=*&routes={route}");
    let listed = row(&task, |task| task["state"] == "waiting").await;
    assert_eq!(
        (&listed["method"], &listed["stage"]),
        (&"POST".into(), &"service".into())
    );
    interrupt(route).await;
    let error = hanging
        .await
        .expect("no panic")
        .expect_err("it is interrupted");
    assert_eq!(
        (error.code(), error.message()),
        (Code::Unavailable, "greeter is down")
    );
    let header = error.metadata().get("x-underscore");
    assert_eq!(header.expect("a header"), "interrupted");

    let mut messages = client.stream("hang").await;
    for _ in 0..3 {
        messages
            .message()
            .await
            .expect("no error")
            .expect("a message");
    }
    row(&task, |task| task["stage"] == "body").await;
    interrupt(route).await;
    messages.message().await.expect_err("it is interrupted");
    ended(route, 5, 2).await;
}

async fn interrupt(route: &str) {
    let answer = admin(
        Method::POST,
        &format!("/_routes/{route}/_interrupt?reason=greeter+is+down"),
    )
    .await;
    assert_eq!(answer["interrupted"], 1, "{answer:#}");
}

#[tokio::test]
async fn in_the_server_of_tonic_all_calls_are_one_route() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut builder = Server::builder().layer(RequestLayer::named("grpc"));
    let server = builder.add_service(Greeter);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    each_call_is_one_task(address, "grpc").await;
}

#[tokio::test]
async fn in_a_router_of_axum_each_service_is_a_route() {
    let routes = Routes::new(Greeter).into_axum_router();
    let app = Router::new()
        .route("/ping", get(|| async { "pong" }))
        .merge(routes);
    let app = app.layer(RequestLayer::named("grpc.unknown"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(axum::serve(listener, app).into_future());
    // By its method and path, as `GET /ping` is.
    each_call_is_one_task(address, "POST%20%2Fhello.Greeter%2F%7B%2Arest%7D").await;

    let mut client = Client::connect(address).await;
    let unknown = client.unary("/hello.Other/Greet", "you").await;
    assert_eq!(unknown.expect_err("no service").code(), Code::Unimplemented);
    ended("grpc.unknown", 1, 0).await;
}

//! Return types: each kind of response of axum and axum-extra.

use std::convert::Infallible;
use std::io;

use axum::body::{Body, Bytes};
use axum::extract::RawQuery;
use axum::http::header::{self, HeaderName};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{
    AppendHeaders, Html, IntoResponse, IntoResponseParts, NoContent, Redirect, Response,
    ResponseParts, Sse,
};
use axum::{Extension, Form, Json};
use axum_extra::response::{ErasedJson, InternalServerError};
use futures_util::Stream;
use serde_json::{Value, json};

use super::table::{get, table};

/// A part of a response, of the service's own.
struct Marked;

impl IntoResponseParts for Marked {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts
            .headers_mut()
            .insert("x-marked", HeaderValue::from_static("yes"));
        Ok(parts)
    }
}

/// An error type that wraps another, as services have it.
struct AppError(io::Error);

impl<E: Into<io::Error>> From<E> for AppError {
    fn from(error: E) -> Self {
        AppError(error.into())
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        (StatusCode::BAD_GATEWAY, self.0.to_string()).into_response()
    }
}

fn failing() -> Result<String, io::Error> {
    Err(io::Error::other("no luck"))
}

fn events() -> impl Stream<Item = Result<Event, Infallible>> {
    let event = |number: u8| Ok(Event::default().event("tick").data(number.to_string()));
    futures_util::stream::iter((1..=2).map(event))
}

table! {
    "/nothing"
    async fn nothing() {}
    get("/nothing") => 200 "";

    "/unit"
    async fn unit() -> () {}
    get("/unit") => 200 "";

    "/no-content"
    async fn no_content() -> NoContent { NoContent }
    get("/no-content") => 204 "";

    "/str"
    async fn text() -> &'static str { "text" }
    get("/str") => 200 "text";

    "/cow"
    async fn cow() -> std::borrow::Cow<'static, str> { "cow".into() }
    get("/cow") => 200 "cow";

    "/boxed"
    async fn boxed_text() -> Box<str> { "boxed".into() }
    get("/boxed") => 200 "boxed";

    "/bytes"
    async fn bytes() -> Bytes { Bytes::from_static(b"bytes") }
    get("/bytes") => 200 "bytes";

    "/vec"
    async fn vec() -> Vec<u8> { b"vec".to_vec() }
    get("/vec") => 200 "vec";

    "/array"
    async fn array() -> [u8; 5] { *b"array" }
    get("/array") => 200 "array";

    "/chain"
    async fn chained() -> Body { Body::from_stream(futures_util::stream::iter(["a", "b"].map(Ok::<_, Infallible>))) }
    get("/chain") => 200 "ab";

    "/status"
    async fn status() -> StatusCode { StatusCode::IM_A_TEAPOT }
    get("/status") => 418 "";

    "/html"
    async fn html() -> Html<&'static str> { Html("<p>") }
    get("/html") => 200 "<p>";

    "/json"
    async fn json() -> Json<Value> { Json(json!({"a": 1})) }
    get("/json") => 200 "{\"a\":1}";

    "/form"
    async fn form() -> Form<[(&'static str, u8); 1]> { Form([("a", 1)]) }
    get("/form") => 200 "a=1";

    "/redirect"
    async fn redirect(RawQuery(query): RawQuery) -> Result<Redirect, String> {
        query.map_or_else(|| Ok(Redirect::temporary("/redirect?there")), Err)
    }
    get("/redirect") => 200 "there";

    "/headers"
    async fn headers() -> HeaderMap { HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static("\"a\""))]) }
    get("/headers") => 200 "";

    "/array-of-headers"
    async fn array_of_headers() -> [(HeaderName, &'static str); 2] { [(header::ETAG, "\"a\""), (header::SERVER, "us")] }
    get("/array-of-headers") => 200 "";

    "/tuple"
    async fn tuple() -> (StatusCode, [(&'static str, &'static str); 1], Marked, String) {
        (StatusCode::CREATED, [("x-a", "1")], Marked, "made".to_owned())
    }
    get("/tuple") => 201 "made";

    "/long-tuple"
    async fn long_tuple() -> (StatusCode, HeaderMap, AppendHeaders<[(&'static str, &'static str); 2]>, Extension<u8>, Extensions, Json<u8>) {
        (StatusCode::OK, HeaderMap::new(), AppendHeaders([("x-a", "1"), ("x-a", "2")]), Extension(1), Extensions::new(), Json(7))
    }
    get("/long-tuple") => 200 "7";

    "/head-and-body"
    async fn head_and_body() -> (axum::http::response::Parts, &'static str) {
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.status = StatusCode::ACCEPTED;
        (parts, "later")
    }
    get("/head-and-body") => 202 "later";

    "/response"
    async fn response() -> Response {
        let mut response = "response".into_response();
        *response.version_mut() = Version::HTTP_11;
        response
    }
    get("/response") => 200 "response";

    "/response-of"
    async fn response_of_a_body() -> axum::http::Response<Body> {
        axum::http::Response::builder().status(203).header("x-a", "1").body(Body::from("built")).expect("it is right")
    }
    get("/response-of") => 203 "built";

    "/opaque"
    async fn opaque(method: axum::http::Method) -> impl IntoResponse + use<> { (StatusCode::OK, method.to_string()) }
    get("/opaque") => 200 "GET";

    "/result"
    async fn result() -> Result<String, AppError> { Ok(failing()?) }
    get("/result") => 502 "no luck";

    "/result/opaque"
    async fn result_of_opaque_types() -> Result<impl IntoResponse, impl IntoResponse> {
        if failing().is_ok() { Ok("luck") } else { Err((StatusCode::CONFLICT, "no luck")) }
    }
    get("/result/opaque") => 409 "no luck";

    "/result/of-axum"
    async fn result_of_axum() -> axum::response::Result<String> { Ok(failing().map_err(AppError)?) }
    get("/result/of-axum") => 502 "no luck";

    "/result/infallible"
    async fn infallible() -> Result<&'static str, Infallible> { Ok("always") }
    get("/result/infallible") => 200 "always";

    "/error"
    async fn internal_server_error() -> Result<String, InternalServerError<io::Error>> { failing().map_err(InternalServerError) }
    get("/error") => 500 "An error occurred while processing your …";

    "/erased"
    async fn erased_json() -> ErasedJson { ErasedJson::pretty(json!([1])) }
    get("/erased") => 200 "[\n  1\n]\n";

    "/sse"
    async fn sse() -> Sse<impl Stream<Item = Result<Event, Infallible>>> { Sse::new(events()).keep_alive(KeepAlive::default()) }
    get("/sse") => 200 "event: tick\ndata: 1\n\nevent: tick\ndata: 2\n\n";

    "/never"
    #[allow(clippy::never_loop)]
    async fn returns_out_of_a_loop() -> &'static str { loop { return "out" } }
    get("/never") => 200 "out";
}

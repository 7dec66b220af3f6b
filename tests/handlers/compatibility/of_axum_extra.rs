//! Extractors of axum-extra. Its typed paths have a file of their own.

use std::fmt::Display;

use axum::Json;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::TypedHeader;
use axum_extra::either::{Either, Either3};
use axum_extra::extract::cookie::{Cookie, Key};
use axum_extra::extract::{
    Cached, CookieJar, Form, JsonDeserializer, JsonLines, Multipart, OptionalQuery,
    PrivateCookieJar, Query, SignedCookieJar, WithRejection,
};
#[allow(deprecated, reason = "they are there, and are used")]
use axum_extra::extract::{Host, OptionalPath, Scheme};
use axum_extra::headers::authorization::{Authorization, Bearer};
use axum_extra::headers::{ContentLength, UserAgent};
use axum_extra::protobuf::Protobuf;
use futures_util::StreamExt;
use serde::Deserialize;

use super::table::{get, post, table};

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    word: Vec<String>,
}

#[derive(Deserialize)]
struct Numbered {
    number: u8,
}

/// A value that borrows from the body.
#[derive(Deserialize)]
struct Borrowed<'a> {
    word: &'a str,
}

/// A message of `prost`.
#[derive(Clone, PartialEq, prost::Message)]
struct Message {
    #[prost(string, tag = "1")]
    word: String,
}

/// The service's own error, made from those of axum.
struct Refused(String);

impl<E: Display + IntoResponse> From<E> for Refused {
    fn from(error: E) -> Self {
        Refused(error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::IM_A_TEAPOT, format!("refused: {}", self.0)).into_response()
    }
}

/// Counts how often it is extracted from one request.
#[derive(Clone)]
struct Counted(u8);

impl<S: Sync> FromRequestParts<S> for Counted {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        if parts.headers.contains_key("x-refuse") {
            return Err((StatusCode::FORBIDDEN, "not counted"));
        }
        let before = parts
            .extensions
            .get::<Counted>()
            .map_or(0, |counted| counted.0);
        parts.extensions.insert(Counted(before + 1));
        Ok(Counted(before + 1))
    }
}

const JSON: &str = "application/json";

/// The `Cookie` header that a browser sends after an answer with `jar`.
fn sent_back(jar: impl IntoResponse) -> String {
    let answer = jar.into_response();
    let cookie = answer.headers()[header::SET_COOKIE].to_str().expect("text");
    cookie.to_owned()
}

fn key() -> Key {
    Key::from(&[7; 64])
}

fn signed() -> String {
    sent_back(SignedCookieJar::new(key()).add(("user", "ann")))
}

fn private() -> String {
    sent_back(PrivateCookieJar::new(key()).add(("user", "ann")))
}

table! {
    "/cached"
    async fn cached(Cached(first): Cached<Counted>, Cached(second): Cached<Counted>, again: Counted) -> String {
        format!("{} {} {}", first.0, second.0, again.0)
    }
    get("/cached") => 200 "1 1 2"
    get("/cached").header("x-refuse", "1") => 403 "not counted";

    "/with-rejection"
    async fn with_rejection(WithRejection(Json(found), _): WithRejection<Json<Found>, Refused>) -> String { found.word.concat() }
    post("/with-rejection", JSON, r#"{"word": ["a", "b"]}"#) => 200 "ab"
    post("/with-rejection", JSON, r#"{"word": 7}"#) => 418 "refused: Failed to deserialize the JSON …";

    "/with-rejection/{number}"
    async fn with_rejection_of_parts(WithRejection(Path(number), _): WithRejection<Path<u8>, Refused>) -> String { number.to_string() }
    get("/with-rejection/7") => 200 "7"
    get("/with-rejection/x") => 418 "refused: Cannot parse `x` to a `u8`";

    "/either/{value}"
    async fn either(value: Either<Path<u8>, Path<String>>) -> String {
        match value {
            Either::E1(Path(number)) => format!("number {number}"),
            Either::E2(Path(word)) => format!("word {word}"),
        }
    }
    get("/either/7") => 200 "number 7"
    get("/either/ann") => 200 "word ann";

    "/either3/{value}"
    async fn either_of_three(value: Either3<Path<u8>, TypedHeader<UserAgent>, Counted>) -> Either<String, StatusCode> {
        match value {
            Either3::E1(Path(number)) => Either::E1(number.to_string()),
            Either3::E2(TypedHeader(agent)) => Either::E1(agent.to_string()),
            Either3::E3(_) => Either::E2(StatusCode::ACCEPTED),
        }
    }
    get("/either3/7") => 200 "7"
    get("/either3/x").header("user-agent", "curl") => 200 "curl"
    get("/either3/x") => 202 ""
    get("/either3/x").header("x-refuse", "1") => 403 "not counted";

    "/cookies"
    async fn cookies(jar: CookieJar) -> (CookieJar, String) {
        let user = jar.get("user").map(|cookie| cookie.value().to_owned());
        (jar.add(Cookie::new("seen", "yes")), format!("{user:?}"))
    }
    get("/cookies").header("cookie", "user=ann; other=1") => 200 "Some(\"ann\")"
    get("/cookies") => 200 "None";

    "/cookies/signed"
    async fn signed_cookies(jar: SignedCookieJar) -> (SignedCookieJar, String) {
        let user = jar.get("user").map(|cookie| cookie.value().to_owned());
        (jar.add(("seen", "yes")), format!("{user:?}"))
    }
    get("/cookies/signed").header("cookie", signed()) => 200 "Some(\"ann\")"
    get("/cookies/signed").header("cookie", "user=ann") => 200 "None";

    "/cookies/private"
    async fn private_cookies(jar: PrivateCookieJar) -> String { format!("{:?}", jar.get("user").map(|cookie| cookie.value().to_owned())) }
    get("/cookies/private").header("cookie", private()) => 200 "Some(\"ann\")"
    get("/cookies/private").header("cookie", "user=ann") => 200 "None";

    "/header"
    async fn typed_header(TypedHeader(token): TypedHeader<Authorization<Bearer>>, length: Option<TypedHeader<ContentLength>>) -> String {
        format!("{} {:?}", token.token(), length.map(|length| length.0.0))
    }
    get("/header").header("authorization", "Bearer abc") => 200 "abc None"
    post("/header", JSON, "{}").header("authorization", "Bearer abc") => 200 "abc Some(2)"
    get("/header").header("authorization", "Basic abc") => 400 "invalid HTTP header (authorization)"
    get("/header") => 400 "Header of type `authorization` was missing";

    "/query"
    async fn query(Query(found): Query<Found>) -> String { found.word.join(",") }
    get("/query?word=a&word=b") => 200 "a,b"
    get("/query") => 200 ""
    get("/query?word=%ff&other") => 200 "\u{fffd}";

    "/query/optional"
    async fn optional_query(OptionalQuery(query): OptionalQuery<Numbered>) -> String { format!("{:?}", query.map(|query| query.number)) }
    get("/query/optional?number=7") => 200 "Some(7)"
    get("/query/optional?number=x") => 400 "Failed to deserialize query string: …"
    get("/query/optional") => 200 "None";

    "/path/{number}"
    #[allow(deprecated)]
    async fn optional_path(OptionalPath(number): OptionalPath<u8>) -> String { format!("{number:?}") }
    get("/path/7") => 200 "Some(7)"
    get("/path/x") => 400 "Invalid URL: Cannot parse `x` to a `u8`";

    "/form"
    async fn form(Form(found): Form<Found>) -> String { found.word.join(",") }
    post("/form", "application/x-www-form-urlencoded", "word=a&word=b") => 200 "a,b"
    get("/form?word=a") => 200 "a"
    post("/form", JSON, "{}") => 415 "Form requests must have `Content-Type: …";

    "/host"
    #[allow(deprecated)]
    async fn host(Host(host): Host, scheme: Result<Scheme, axum_extra::extract::SchemeMissing>) -> String {
        format!("{host} {:?}", scheme.ok().map(|scheme| scheme.0))
    }
    get("/host") => 200 "service.test None"
    get("/host").header("x-forwarded-proto", "https").header("x-forwarded-host", "outer.test") => 200 "outer.test Some(\"https\")";

    "/scheme"
    #[allow(deprecated)]
    async fn scheme(Scheme(scheme): Scheme, host: Option<Host>) -> String { format!("{scheme} {}", host.is_some()) }
    get("/scheme").header("forwarded", "proto=https") => 200 "https true"
    get("/scheme") => 400 "No scheme found in request";

    "/json-lines"
    async fn json_lines(mut lines: JsonLines<Found>) -> Result<String, Refused> {
        let mut words = String::new();
        while let Some(found) = lines.next().await {
            words.push_str(&found.map_err(|error| Refused(error.to_string()))?.word.concat());
        }
        Ok(words)
    }
    post("/json-lines", JSON, "{\"word\": [\"a\"]}\n{\"word\": [\"b\"]}\n") => 200 "ab"
    post("/json-lines", JSON, "{\"word\": [\"a\"]}\n{") => 418 "refused: EOF while parsing an object at …";

    "/json-deserializer"
    async fn json_deserializer(json: JsonDeserializer<Borrowed<'_>>) -> Response {
        match json.deserialize() {
            Ok(borrowed) => borrowed.word.to_owned().into_response(),
            Err(rejection) => rejection.into_response(),
        }
    }
    post("/json-deserializer", JSON, r#"{"word": "ann"}"#) => 200 "ann"
    post("/json-deserializer", JSON, r#"{"word": 7}"#) => 422 "Failed to deserialize the JSON body …"
    post("/json-deserializer", "text/plain", "{}") => 415 "Expected request with `Content-Type: …";

    "/multipart"
    async fn multipart(mut parts: Multipart) -> Result<String, axum_extra::extract::multipart::MultipartError> {
        let mut told = String::new();
        while let Some(part) = parts.next_field().await? {
            told.push_str(&part.text().await?);
        }
        Ok(told)
    }
    post("/multipart", "multipart/form-data; boundary=x", "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\none\r\n--x--\r\n") => 200 "one"
    post("/multipart", "multipart/form-data; boundary=x", "--x\r\n") => 400 "incomplete multipart stream"
    post("/multipart", JSON, "{}") => 400 "Invalid `boundary` for …";

    "/protobuf"
    async fn protobuf(headers: HeaderMap, Protobuf(message): Protobuf<Message>) -> Protobuf<Message> {
        Protobuf(Message { word: format!("{} {}", message.word, headers.len()) })
    }
    post("/protobuf", "application/octet-stream", b"\x0a\x03ann".as_slice()) => 200 "\n\u{5}ann 4"
    post("/protobuf", "application/octet-stream", b"\x0a\x03an".as_slice()) => 422 "Failed to decode the body: failed to …";
}

//! Extractors of axum for the body, as the last argument, with its limit and its rejections.

use std::pin::Pin;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::{BytesRejection, FormRejection, JsonRejection, StringRejection};
use axum::extract::{Multipart, Path, RawForm, Request, State};
use axum::http::{Method, StatusCode};
use axum::{Form, Json, RequestExt, RequestPartsExt};
use bytes::BytesMut;
use serde::Deserialize;
use serde_json::Value;

use super::table::{get, post, table};
use super::{App, LONGEST_BODY};

#[derive(Deserialize)]
struct Login {
    user: String,
    age: u8,
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain";
const MULTIPART: &str = "multipart/form-data; boundary=x";
const PARTS: &str =
    "--x\r\ncontent-disposition: form-data; name=\"a\"; filename=\"a.txt\"\r\n\r\none\r\n--x--\r\n";

fn too_long() -> Vec<u8> {
    vec![b' '; LONGEST_BODY + 1]
}

async fn told(mut parts: Multipart) -> Result<String, (StatusCode, String)> {
    let mut told = String::new();
    while let Some(part) = parts
        .next_field()
        .await
        .map_err(|error| (error.status(), error.body_text()))?
    {
        let name = format!("{:?} {:?}", part.name(), part.file_name());
        let text = part
            .text()
            .await
            .map_err(|error| (error.status(), error.body_text()))?;
        told = format!("{told}{name} {text};");
    }
    Ok(told)
}

table! {
    "/bytes"
    async fn bytes(bytes: Bytes) -> Bytes { bytes }
    post("/bytes", TEXT, "bytes") => 200 "bytes"
    get("/bytes") => 200 ""
    post("/bytes", TEXT, too_long()) => 413 "Failed to buffer the request body: …";

    "/bytes/result"
    async fn bytes_or_their_rejection(method: Method, bytes: Result<Bytes, BytesRejection>) -> String {
        bytes.map_or_else(|rejection| format!("{method} {}", rejection.status()), |bytes| bytes.len().to_string())
    }
    post("/bytes/result", TEXT, "bytes") => 200 "5"
    post("/bytes/result", TEXT, too_long()) => 200 "POST 413 Payload Too Large";

    "/bytes/mut"
    async fn bytes_mut(mut bytes: BytesMut) -> Bytes { bytes.extend_from_slice(b"!"); bytes.freeze() }
    post("/bytes/mut", TEXT, "bytes") => 200 "bytes!"
    post("/bytes/mut", TEXT, too_long()) => 413 "Failed to buffer the request body: …";

    "/string"
    async fn string(State(app): State<App>, text: String) -> String { format!("{} {text}", app.greeting) }
    post("/string", TEXT, "ann") => 200 "hello ann"
    post("/string", TEXT, [0xff]) => 400 "Request body didn't contain valid …"
    post("/string", TEXT, too_long()) => 413 "Failed to buffer the request body: …";

    "/string/result"
    async fn string_or_its_rejection(text: Result<String, StringRejection>) -> String {
        text.unwrap_or_else(|rejection| rejection.body_text())
    }
    post("/string/result", TEXT, "ann") => 200 "ann"
    post("/string/result", TEXT, [0xff]) => 200 "Request body didn't contain valid …";

    "/body"
    async fn body(body: Body) -> Body { body }
    post("/body", TEXT, "a body") => 200 "a body"
    get("/body") => 200 "";

    "/body/frames"
    async fn body_by_frames(mut body: Body) -> String {
        let mut length = 0;
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            length += frame.ok().and_then(|frame| frame.into_data().ok()).map_or(0, |data| data.len());
        }
        length.to_string()
    }
    post("/body/frames", TEXT, "a body") => 200 "6";

    "/request"
    async fn request(request: Request) -> String {
        let (mut parts, body) = request.into_parts();
        let method = parts.extract::<Method>().await.expect("it cannot fail");
        let bytes = axum::body::to_bytes(body, 10).await.unwrap_or_default();
        format!("{method} {} {bytes:?}", parts.uri)
    }
    post("/request?a=b", TEXT, "a body") => 200 "POST /request?a=b b\"a body\"";

    "/request/extracted/{number}"
    async fn request_that_is_extracted_from(mut request: Request) -> Result<String, JsonRejection> {
        let number = request.extract_parts::<Path<u8>>().await.map_or(0, |path| path.0);
        let Json(login) = request.extract::<Json<Login>, _>().await?;
        Ok(format!("{number} {}", login.user))
    }
    post("/request/extracted/7", JSON, r#"{"user": "ann", "age": 7}"#) => 200 "7 ann"
    post("/request/extracted/7", TEXT, "{}") => 415 "Expected request with `Content-Type: …"
    post("/request/extracted/7", JSON, too_long()) => 413 "Failed to buffer the request body: …";

    "/request/limited"
    async fn request_with_a_limited_body(request: Request) -> StatusCode {
        let read = axum::body::to_bytes(request.into_limited_body(), usize::MAX).await;
        if read.is_ok() { StatusCode::OK } else { StatusCode::PAYLOAD_TOO_LARGE }
    }
    post("/request/limited", TEXT, "a body") => 200 ""
    post("/request/limited", TEXT, too_long()) => 413 "";

    "/json"
    async fn json(Json(login): Json<Login>) -> String { format!("{} {}", login.user, login.age) }
    post("/json", JSON, r#"{"user": "ann", "age": 7}"#) => 200 "ann 7"
    post("/json", "application/problem+json", r#"{"user": "ann", "age": 7}"#) => 200 "ann 7"
    post("/json", JSON, r#"{"user": "ann", "age": -1}"#) => 422 "Failed to deserialize the JSON body …"
    post("/json", JSON, r#"{"user":"#) => 400 "Failed to parse the request body as …"
    post("/json", TEXT, r#"{"user": "ann", "age": 7}"#) => 415 "Expected request with `Content-Type: …"
    post("/json", JSON, too_long()) => 413 "Failed to buffer the request body: …"
    get("/json") => 415 "Expected request with `Content-Type: …";

    "/json/optional"
    async fn json_that_may_be_there(json: Option<Json<Value>>) -> String { format!("{:?}", json.map(|json| json.0)) }
    post("/json/optional", JSON, "7") => 200 "Some(Number(7))"
    post("/json/optional", JSON, "7 7") => 400 "Failed to parse the request body as …"
    get("/json/optional") => 200 "None";

    "/json/result"
    async fn json_or_its_rejection(json: Result<Json<Login>, JsonRejection>) -> String {
        match json {
            Ok(Json(login)) => login.user,
            Err(JsonRejection::JsonDataError(error)) => error.body_text(),
            Err(rejection) => rejection.status().to_string(),
        }
    }
    post("/json/result", JSON, r#"{"user": "ann", "age": 7}"#) => 200 "ann"
    post("/json/result", JSON, "{}") => 200 "Failed to deserialize the JSON body …"
    post("/json/result", JSON, "{") => 200 "400 Bad Request";

    "/form"
    async fn form(Form(login): Form<Login>) -> String { format!("{} {}", login.user, login.age) }
    post("/form", FORM, "user=a+b&age=7") => 200 "a b 7"
    get("/form?user=ann&age=7") => 200 "ann 7"
    get("/form") => 400 "Failed to deserialize form: missing …"
    post("/form", FORM, "user=ann") => 422 "Failed to deserialize form body: …"
    post("/form", TEXT, "user=ann&age=7") => 415 "Form requests must have `Content-Type: …"
    post("/form", FORM, too_long()) => 413 "Failed to buffer the request body: …";

    "/form/result"
    async fn form_or_its_rejection(form: Result<Form<Login>, FormRejection>) -> String {
        form.map_or_else(|rejection| rejection.body_text(), |form| form.0.user)
    }
    post("/form/result", FORM, "user=ann&age=7") => 200 "ann"
    post("/form/result", FORM, "age=x") => 200 "Failed to deserialize form body: age: …";

    "/form/raw"
    async fn raw_form(RawForm(bytes): RawForm) -> Bytes { bytes }
    post("/form/raw", FORM, "a=b&&") => 200 "a=b&&"
    get("/form/raw?a=b") => 200 "a=b"
    post("/form/raw", TEXT, "a=b") => 415 "Form requests must have `Content-Type: …";

    "/multipart"
    async fn multipart(parts: Multipart) -> Result<String, (StatusCode, String)> { told(parts).await }
    post("/multipart", MULTIPART, PARTS) => 200 "Some(\"a\") Some(\"a.txt\") one;"
    post("/multipart", MULTIPART, "--x\r\nno head") => 400 "incomplete multipart stream"
    post("/multipart", "multipart/form-data", PARTS) => 400 "Invalid `boundary` for …"
    post("/multipart", MULTIPART, [PARTS.as_bytes(), &too_long()].concat()) => 413 "Request payload is too large"
    post("/multipart", TEXT, PARTS) => 400 "Invalid `boundary` for …";

    "/multipart/optional"
    async fn multipart_that_may_be_there(parts: Option<Multipart>) -> Result<String, (StatusCode, String)> {
        match parts {
            Some(parts) => told(parts).await,
            None => Ok("nothing".to_owned()),
        }
    }
    post("/multipart/optional", MULTIPART, PARTS) => 200 "Some(\"a\") Some(\"a.txt\") one;"
    get("/multipart/optional") => 200 "nothing";

    "/tuple"
    async fn tuple_with_a_body_at_its_end((method, Json(login)): (Method, Json<Login>)) -> String { format!("{method} {}", login.user) }
    post("/tuple", JSON, r#"{"user": "ann", "age": 7}"#) => 200 "POST ann"
    post("/tuple", JSON, "{}") => 422 "Failed to deserialize the JSON body …";
}

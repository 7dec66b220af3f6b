//! What the client of a request reads as a response. A gRPC client takes the status of a call from
//! headers, and would read another body as a message.

use std::fmt::Write;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;

const GRPC: &str = "application/grpc";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::instrument) enum Protocol {
    Http,
    Grpc,
}

impl Protocol {
    /// The protocol of a request. The header is looked up for methods that gRPC uses only.
    #[inline]
    pub(in crate::instrument) fn of<B>(request: &Request<B>) -> Self {
        if *request.method() == Method::POST {
            Self::from_headers(request.headers())
        } else {
            Protocol::Http
        }
    }

    /// The protocol of a request with these headers. That of gRPC-Web is HTTP.
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let format = content_type.and_then(|value| value.strip_prefix(GRPC.as_bytes()));
        match format {
            Some([] | [b'+' | b';', ..]) => Protocol::Grpc,
            _ => Protocol::Http,
        }
    }
}

/// The response to a gRPC call that ends without a message: headers only, with HTTP status 200.
pub(super) fn grpc_response(status: StatusCode, message: &str) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    headers.insert(GRPC_STATUS, HeaderValue::from(grpc_status(status)));
    // Printable ASCII is always a valid value.
    if let Ok(message) = HeaderValue::try_from(percent_encoded(message)) {
        headers.insert(GRPC_MESSAGE, message);
    }
    response
}

/// The code for an HTTP status, as clients of gRPC translate it, except that 504 is
/// `DEADLINE_EXCEEDED`, because it is the response to a timeout here.
fn grpc_status(status: StatusCode) -> u16 {
    match status.as_u16() {
        400 => 13,             // INTERNAL
        401 => 16,             // UNAUTHENTICATED
        403 => 7,              // PERMISSION_DENIED
        404 => 12,             // UNIMPLEMENTED
        429 | 502 | 503 => 14, // UNAVAILABLE
        504 => 4,              // DEADLINE_EXCEEDED
        _ => 2,                // UNKNOWN
    }
}

/// A text as in the header `grpc-message`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(byte.into()),
            _ => {
                // Writing to a `String` cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_grpc_is_recognized_by_its_content_type() {
        for (content_type, expected) in [
            ("application/grpc", Protocol::Grpc),
            ("application/grpc+proto", Protocol::Grpc),
            ("application/grpc;x=y", Protocol::Grpc),
            ("application/grpc-web+proto", Protocol::Http),
            ("application/json", Protocol::Http),
        ] {
            let request = Request::post("/").header(CONTENT_TYPE, content_type);
            let request = request.body(()).expect("it is valid");
            assert_eq!(Protocol::of(&request), expected, "{content_type}");
        }
    }

    #[test]
    fn a_message_is_printable_ascii() {
        let response = grpc_response(StatusCode::SERVICE_UNAVAILABLE, "100 % über\n");
        let header = |name: &str| response.headers().get(name).map(HeaderValue::as_bytes);
        assert_eq!(header("grpc-status"), Some(&b"14"[..]));
        assert_eq!(header("grpc-message"), Some(&b"100 %25 %C3%BCber%0A"[..]));
        assert_eq!(response.status(), StatusCode::OK);
    }
}

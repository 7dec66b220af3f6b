//! Validates `preempt.headers`.

use axum::http::header::{self, HeaderName, HeaderValue};
use serde_json::{Map, Value};

/// Maximum number of headers. Hyper and curl accept 100.
const MAX_HEADERS: usize = 64;

/// Maximum size of names and values, in bytes. With the 32 bytes that HTTP/2 adds per header, it
/// stays below the 16 KiB that clients accept.
const MAX_SIZE: usize = 8 << 10;

/// Framing and connection-specific headers (RFC 9110, section 7.6.1). They are set by the server
/// and forbidden in HTTP/2.
const CONNECTION_HEADERS: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Parses an object of headers, `None` if any of them cannot be sent.
pub(super) fn headers(object: &Map<String, Value>) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let bytes = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or(0, str::len);
        name.len().saturating_add(value)
    };
    let bytes = object.iter().map(bytes).fold(0, usize::saturating_add);
    if object.len() > MAX_HEADERS || bytes > MAX_SIZE {
        return None;
    }
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::with_capacity(object.len());
    for (name, value) in object {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_str(value.as_str()?).ok()?;
        // Header names are case-insensitive, JSON keys are not.
        let is_twice = headers.iter().any(|(known, _)| *known == name);
        if is_twice || CONNECTION_HEADERS.contains(&name) {
            return None;
        }
        headers.push((name, value));
    }
    Some(headers)
}

/// The first privileged header that `allowed` does not name: one that redirects a client, is stored
/// by it, asks it for credentials, relaxes the same-origin policy, or makes a browser run the body.
pub(crate) fn privileged_header<'a>(
    object: &'a Map<String, Value>,
    allowed: &[String],
) -> Option<&'a str> {
    let reaches = |(name, value): (&'a String, &Value)| {
        let lower = name.to_ascii_lowercase();
        let is_allowed = || {
            allowed
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(name))
        };
        let reaches = match &*lower {
            // Redirects.
            "location" | "refresh" | "alt-svc" | "link"
            // Stored by browsers.
            | "set-cookie" | "set-cookie2" | "clear-site-data" | "strict-transport-security" | "public-key-pins"
            | "service-worker-allowed" | "nel" | "report-to" | "reporting-endpoints"
            // Authentication.
            | "www-authenticate" | "proxy-authenticate" | "authentication-info" | "proxy-authentication-info"
            // Make a reverse proxy send a file instead.
            | "x-sendfile" | "x-lighttpd-send-file" => true,
            "content-type" => !value.as_str().is_some_and(is_inert),
            name => name.starts_with("access-control-") || name.starts_with("x-accel-"),
        };
        (reaches && !is_allowed()).then_some(&**name)
    };
    object.iter().find_map(reaches)
}

/// True for media types that browsers display without running anything.
fn is_inert(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let inert = [
        "application/cbor",
        "application/grpc",
        "application/json",
        "application/octet-stream",
        "application/problem+json",
        "application/protobuf",
        "application/vnd.api+json",
        "application/x-ndjson",
        "application/x-protobuf",
        "text/csv",
        "text/plain",
    ];
    inert.contains(&&*essence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("{other}"),
        }
    }

    fn many(count: usize, length: usize) -> Map<String, Value> {
        let value = || Value::from("v".repeat(length));
        (0..count)
            .map(|number| (format!("x-{number}"), value()))
            .collect()
    }

    /// Holds 4.81, 4.21 of docs/admin-api.md.
    #[test]
    fn headers_are_limited_and_exclude_those_of_the_connection() {
        for fits in [
            many(MAX_HEADERS, 10),
            many(1, MAX_SIZE - 3),
            object(json!({"Retry-After": "5", "x": ""})),
        ] {
            assert_eq!(
                headers(&fits).map(|headers| headers.len()),
                Some(fits.len())
            );
        }
        for refused in [
            many(MAX_HEADERS + 1, 1),
            many(1, MAX_SIZE),
            many(40, 220),
            object(json!({"X-One": "1", "x-one": "2"})),
            object(json!({"x": 5})),
            object(json!({"x": "two\nlines"})),
            object(json!({"": "x"})),
        ] {
            assert_eq!(headers(&refused), None, "{refused:?}");
        }
        for name in [
            "Connection",
            "keep-alive",
            "Proxy-Connection",
            "TE",
            "trailer",
            "Transfer-Encoding",
            "upgrade",
            "Content-Length",
            "HTTP2-Settings",
        ] {
            assert_eq!(headers(&object(json!({name: "x"}))), None, "{name}");
        }
    }

    /// Holds 4.82 of docs/admin-api.md.
    #[test]
    fn a_privileged_header_is_found_unless_it_is_allowed() {
        for (name, value) in [
            ("Location", "/"),
            ("refresh", "0; url=/"),
            ("SET-COOKIE", "a=b"),
            ("WWW-Authenticate", "Basic"),
            ("Access-Control-Allow-Origin", "*"),
            ("x-accel-redirect", "/etc"),
            ("Content-Type", "text/html"),
            ("content-type", "TEXT/HTML; charset=utf-8"),
            ("content-type", "application/xhtml+xml"),
            ("content-type", "image/svg+xml"),
            ("content-type", "text/xml"),
            ("content-type", "text/javascript"),
            ("content-type", "nonsense"),
            ("content-type", ""),
            ("content-type", "text/plain, text/html"),
        ] {
            let headers = object(json!({"x-harmless": "1", name: value}));
            assert_eq!(privileged_header(&headers, &[]), Some(name), "{value}");
            let allowed = [name.to_ascii_lowercase()];
            assert_eq!(privileged_header(&headers, &allowed), None, "{name}");
        }
        let harmless = json!({
            "Retry-After": "5", "Cache-Control": "no-store", "Content-Type": "application/json; charset=utf-8",
            "x-request-class": "shed", "content-language": "en"
        });
        assert_eq!(privileged_header(&object(harmless), &[]), None);
    }
}

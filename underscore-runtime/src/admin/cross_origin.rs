//! Protection against DNS rebinding and cross-site requests.
//!
//! When `ssh -L`, socat or the host's router exposes the API on a port, every page in the
//! operator's browser can send requests to it. The checks use headers that browsers set and curl
//! does not: `Origin` (Fetch standard) and `Sec-Fetch-*` (W3C, "Fetch Metadata Request Headers").
//! The rules follow Go's `http.CrossOriginProtection` and Tailscale's `LocalAPI`.

use std::future::ready;
use std::net::{Ipv4Addr, Ipv6Addr};

use axum::Router;
use axum::extract::Request as HttpRequest;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method};
use axum::middleware::map_response;
use axum::response::Response;

use super::error::Error;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Headers of every response: no scripts, no framing, no sniffing, no caching.
pub(super) const RESTRICTIONS: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "no-referrer"),
];

/// Sets [`RESTRICTIONS`] on a response. A document that needs it has a policy of its own.
pub(super) fn restrict(headers: &mut HeaderMap) {
    for (name, value) in RESTRICTIONS {
        let value = HeaderValue::from_static(value);
        if name == CONTENT_SECURITY_POLICY {
            headers.entry(name).or_insert(value);
        } else {
            headers.insert(name, value);
        }
    }
}

/// Sets [`RESTRICTIONS`] on each response of `router`.
pub(super) fn restrict_all(router: Router) -> Router {
    router.layer(map_response(|mut response: Response| {
        restrict(response.headers_mut());
        ready(response)
    }))
}

/// Rejects requests that a page of another site may have sent. `named` are the host names that the
/// service allows in addition to local ones.
pub(super) fn check(request: &HttpRequest, named: &[String]) -> Result<(), Error> {
    if let Some(foreign) = hosts(request).find(|host| !is_own_host(host, named)) {
        return Err(Error::foreign_host(foreign));
    }
    check_page(request)
}

/// The hosts that a request is for, by its URI and its headers.
fn hosts(request: &HttpRequest) -> impl Iterator<Item = &str> {
    let uri = request.uri();
    let authority = uri.scheme().and(uri.authority()).map(Authority::as_str);
    let headers = texts(request.headers(), &HOST);
    authority.into_iter().chain(headers)
}

/// The same whatever the host is.
pub(super) fn check_page(request: &HttpRequest) -> Result<(), Error> {
    let headers = request.headers();
    let is_foreign = |origin: &&str| {
        // An opaque origin is serialized as `null`.
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_none_or(|host| !hosts(request).any(|own| own.eq_ignore_ascii_case(host)))
    };
    let foreign_origin = texts(headers, &ORIGIN).find(is_foreign);
    let foreign_site = texts(headers, &SITE).find(|site| !matches!(*site, "same-origin" | "none"));
    let is_look = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let says_site = headers.contains_key(SITE);
    match (foreign_site, foreign_origin) {
        (Some(site), _) if !(is_look && is_navigation(headers)) => Err(Error::foreign_page(site)),
        // For changes, `Sec-Fetch-Site` takes precedence: a proxy may have rewritten `Host`.
        (_, Some(origin)) if is_look || !says_site => Err(Error::foreign_page(origin)),
        _ => Ok(()),
    }
}

/// The values of a header. A value that is not text becomes one that no rule allows.
fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    values.map(|value| value.to_str().unwrap_or("\u{fffd}"))
}

/// True for a top-level navigation: the response is shown to the user and no page can read it.
fn is_navigation(headers: &HeaderMap) -> bool {
    let only = |name, word| {
        let mut values = texts(headers, &name);
        values.next() == Some(word) && values.next().is_none()
    };
    only(MODE, "navigate") && only(DEST, "document")
}

/// True if `host` (with or without a port) is local, an IP address, a name without dots, or named.
/// A page that uses DNS rebinding sends its own name, which has a dot.
fn is_own_host(host: &str, named: &[String]) -> bool {
    let name = without_port(host);
    if let Some(literal) = name.strip_prefix('[') {
        let address = literal.strip_suffix(']');
        return address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_local = || {
        let lower = name.to_ascii_lowercase();
        matches!(&*lower, "" | ".") || lower == "localhost" || lower.ends_with(".localhost")
    };
    let is_single_label = || !name.contains('.') && name.bytes().all(is_plain);
    is_local()
        || is_single_label()
        || name.parse::<Ipv4Addr>().is_ok()
        || named.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_own_if_it_is_local_or_named() {
        let named = ["ops.example.com".to_owned()];
        let own = [
            "",
            ".",
            "localhost",
            "LOCALHOST:80",
            "app.localhost:8080",
            "127.0.0.1",
            "10.1.2.3:1",
            "[::1]",
            "[::1]:80",
            "x",
            "devbox:9000",
            "my_host-1",
            "ops.example.com",
            "OPS.example.com:443",
            ":80",
        ];
        for host in own {
            assert!(is_own_host(host, &named), "{host:?}");
        }
        let foreign = [
            "example.com",
            "evil.ops.example.com",
            "localhost.example.com",
            "localhost.",
            "x.",
            "notlocalhost.com",
            "127.0.0.1.nip.io",
            "127.1.evil",
            "0x7f.1",
            "[::1].evil.com",
            "[evil]",
            "localhost:x",
            "a b",
            "evil.com:80",
            "user@localhost",
            "\u{fffd}",
            "localhost,evil.com",
            "..",
        ];
        for host in foreign {
            assert!(!is_own_host(host, &named), "{host:?}");
        }
        assert!(!is_own_host("ops.example.com", &[]));
    }
}

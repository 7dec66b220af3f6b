//! Section 5 of docs/admin-api.md: common options.

use axum::Router;
use reqwest::Method;
use underscore_runtime::underscore_route;

use crate::support::{Answer, Service};

const TEXT: &str = "text/plain; charset=UTF-8";
const JSON: &str = "application/json";

#[underscore_route(name = "options.shown")]
async fn shown() {}

/// Holds 5.2 of docs/admin-api.md.
#[tokio::test]
async fn a_bool_is_true_if_it_is_present_and_not_false() {
    let service = Service::start(Router::new()).await;
    for (query, lines) in [
        ("", 1),
        ("&v", 2),
        ("&v=", 2),
        ("&v=true", 2),
        ("&v=false", 1),
    ] {
        let path = format!("_cat/routes/options.shown?h=name{query}");
        let answer = service.admin(&path).await;
        assert_eq!(answer.text.lines().count(), lines, "{query}");
    }
    for other in ["1", "yes", "True", "null"] {
        let path = format!("_cat/routes/options.shown?v={other}");
        assert_eq!(service.admin(&path).await.status, 400, "{other}");
    }
}

/// Holds 5.8 of docs/admin-api.md.
#[tokio::test]
async fn the_last_of_a_parameter_counts() {
    let service = Service::start(Router::new()).await;
    for (query, text) in [
        ("h=id&h=name", "options.shown\n"),
        ("h=name&size=1&size=0", ""),
        ("h=name&v&v=false", "options.shown\n"),
    ] {
        let path = format!("_cat/routes/options.shown?{query}");
        assert_eq!(service.admin(&path).await.text, text, "{query}");
    }
}

/// The content type of the answer to a request with this `Accept`.
async fn accepting(service: &Service, path: &str, accepted: &[&str]) -> String {
    let mut request = service.admin_builder(Method::GET, path);
    for accept in accepted {
        request = request.header("accept", *accept);
    }
    let answer = Answer::of(request.send().await.expect("it answers")).await;
    assert_eq!(answer.status, 200, "{path} {accepted:?}: {}", answer.text);
    answer.content_type
}

/// Holds 5.11, 5.13 of docs/admin-api.md.
#[tokio::test]
async fn the_format_is_one_of_four_and_overrides_accept() {
    let service = Service::start(Router::new()).await;
    for (format, content_type) in [
        ("text", TEXT),
        ("json", JSON),
        ("yaml", "application/yaml"),
        ("cbor", "application/cbor"),
    ] {
        let path = format!("_cat/routes?format={format}");
        for accepted in [&[][..], &[JSON], &["application/yaml"]] {
            let shown = accepting(&service, &path, accepted).await;
            assert_eq!(shown, content_type, "{format} {accepted:?}");
        }
    }
    for other in ["smile", "", "JSON"] {
        let answer = service.admin(&format!("_routes?format={other}")).await;
        assert_eq!(answer.status, 400, "{other}");
        let (kind, reason) = answer.error();
        assert_eq!(kind, "illegal_argument_exception");
        assert!(reason.contains("text, json, yaml, cbor"), "{reason}");
    }
}

/// Holds 5.12, 5.13 of docs/admin-api.md.
#[tokio::test]
async fn a_single_media_type_is_honoured_and_any_other_accept_is_ignored() {
    let service = Service::start(Router::new()).await;
    for (accepted, content_type) in [
        (&[JSON][..], JSON),
        (&["Application/JSON; charset=utf-8"], JSON),
        (&["application/cbor"], "application/cbor"),
        (&["application/yaml"], "application/yaml"),
        (&["text/plain"], TEXT),
        (&["text/html"], TEXT),
        (&["*/*"], TEXT),
        (&["application/json, application/yaml"], TEXT),
        (&[JSON, "application/yaml"], TEXT),
        (&[""], TEXT),
        (&[], TEXT),
    ] {
        let shown = accepting(&service, "_cat/routes", accepted).await;
        assert_eq!(shown, content_type, "{accepted:?}");
    }
}

/// Holds 5.14 of docs/admin-api.md.
#[tokio::test]
async fn a_structure_is_never_text_and_a_text_is_never_a_structure() {
    let service = Service::start(Router::new()).await;
    for path in ["?format=text", "_routes?format=text", "_tasks?format=text"] {
        assert_eq!(
            accepting(&service, path, &["text/plain"]).await,
            JSON,
            "{path}"
        );
    }
    for path in ["_cat?format=json", "_cat/routes?help&format=yaml"] {
        assert_eq!(accepting(&service, path, &[JSON]).await, TEXT, "{path}");
    }
}

/// Holds 5.23 of docs/admin-api.md.
#[tokio::test]
async fn a_text_has_at_most_sixteen_kibibytes() {
    let service = Service::start(Router::new()).await;
    for (bytes, status) in [(16_384, 200), (16_385, 400)] {
        let reason = "x".repeat(bytes);
        let path = format!("_routes/no.such.route*/interrupt?reason={reason}");
        assert_eq!(service.post(&path).await.status, status, "{bytes}");
    }
}

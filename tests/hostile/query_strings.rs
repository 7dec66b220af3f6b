//! Query strings are visible to those with write access, unless the service's code decides
//! otherwise.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use reqwest::Method;
use tower::ServiceExt;
use underscore_runtime::{AdminBuilder, admin_router, underscore_route};

use crate::support::Service;
use crate::support::process::own_process;

#[underscore_route(name = "asked")]
async fn asked() {
    std::future::pending::<()>().await;
}

/// Every path that shows requests.
const PATHS: [&str; 10] = [
    "_cat/tasks?h=*",
    "_cat/tasks?h=u&s=u",
    "_cat/tasks?h=*&format=json",
    "_cat/tasks?h=*&format=yaml",
    "_cat/tasks?h=*&format=cbor",
    "_cat/stacks?h=*",
    "_tasks?detailed",
    "_tasks?detailed&group_by=routes",
    "_tasks/_all/print_stack",
    "_tasks/_all/print_stack?format=json",
];

/// The URI of a request for `/asked?token=secret`, and all answers of `PATHS`.
async fn shown(builder: AdminBuilder) -> (String, String) {
    let app = Router::new().route("/asked", get(asked));
    let service = Service::start_with(app, &builder).await;
    let request = tokio::spawn(service.request(Method::GET, "/asked?token=secret").send());
    service.wait_for_waiting("asked", 1).await;
    let uri = service.admin("_cat/tasks?h=uri&routes=asked").await.text;
    let mut all = String::new();
    for path in PATHS {
        all += &service.admin(path).await.text;
    }
    let tasks = service.admin_json("_tasks?detailed&routes=asked").await;
    let described = tasks["tasks"][0]["description"].as_str();
    assert_eq!(described, Some(&*format!("GET {}", uri.trim_end())));
    request.abort();
    service.wait_for("asked", "stats.req.active", 0).await;
    (uri.trim_end().to_owned(), all)
}

/// Not the user of this test, who is limited to reads.
const OTHERS: [u32; 1] = [4_000_000];

/// Holds 7.35 of docs/admin-api.md.
#[tokio::test]
async fn query_strings_need_write_access_unless_code_decides_otherwise() {
    own_process!();
    let everybodys = AdminBuilder::new;
    let others = || AdminBuilder::new().allow_changes_from_uids(OTHERS);
    let whole = "/asked?token=secret";
    for (builder, expected) in [
        (everybodys(), whole),
        (others(), "/asked"),
        (everybodys().show_queries(false), "/asked"),
        (others().show_queries(true), whole),
    ] {
        let (uri, all) = shown(builder).await;
        assert_eq!(uri, expected);
        assert_eq!(all.contains("secret"), expected == whole, "{all}");
    }

    let redact = |uri: &str| uri.replace("secret", "***");
    for (builder, expected) in [
        (everybodys().redact_uris(redact), "/asked?token=***"),
        (others().redact_uris(redact), "/asked"),
        // A redacted URI is escaped like any other.
        (
            everybodys().redact_uris(|_| "\u{1b}?\n".to_owned()),
            "\\u{1b}?\\n",
        ),
        (
            everybodys().redact_uris(|_| std::panic::resume_unwind(Box::new("on purpose"))),
            "(redacting it panicked)",
        ),
    ] {
        let app = Router::new().route("/asked", get(asked));
        let service = Service::start_with(app, &builder).await;
        let request = tokio::spawn(service.request(Method::GET, whole).send());
        service.wait_for_waiting("asked", 1).await;
        let text = service.admin("_cat/tasks?h=uri&routes=asked").await.text;
        assert_eq!(text.trim_end(), expected);
        for path in PATHS {
            let text = service.admin(path).await.text;
            assert!(!text.contains("secret"), "{path}: {text}");
        }
        request.abort();
        service.wait_for("asked", "stats.req.active", 0).await;
    }

    // A host's own router has no peer credentials.
    let service = Service::start(Router::new().route("/asked", get(asked))).await;
    let request = tokio::spawn(service.request(Method::GET, whole).send());
    service.wait_for_waiting("asked", 1).await;
    for (router, expected) in [
        (admin_router(), true),
        (others().router(), false),
        (everybodys().show_queries(false).router(), false),
    ] {
        let look = Request::get("/_cat/tasks?h=uri").body(Body::empty());
        let answer = router.oneshot(look.expect("a request")).await;
        let body = answer.expect("a router never fails").into_body();
        let text = axum::body::to_bytes(body, 1 << 20)
            .await
            .expect("it is whole");
        let text = String::from_utf8_lossy(&text);
        assert_eq!(text.contains("secret"), expected, "{text}");
    }
    request.abort();
}

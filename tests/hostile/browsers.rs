//! A web page in an operator's browser, where a forwarded port leads to the socket, can neither
//! read nor change anything.

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::json;
use tower::ServiceExt;
use underscore_runtime::{AdminBuilder, underscore_route};

use crate::support::process::own_process;
use crate::support::{Answer, Service};

#[underscore_route(name = "browsed")]
async fn browsed() {
    std::future::pending::<()>().await;
}

/// Headers of every response, for browsers.
const RESTRICTIONS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("x-frame-options", "DENY"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
];

fn assert_restricted(what: &str, answer: &Answer) {
    for (name, value) in RESTRICTIONS {
        let found: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(found, [value], "{what}: {name}: {answer:?}");
    }
}

/// Hosts, and true if a request may name them.
const HOSTS: [(&str, bool); 8] = [
    (".", true),
    ("localhost:8080", true),
    ("app.localhost", true),
    ("127.0.0.1:8080", true),
    ("[::1]:8080", true),
    ("ops.example.com", true),
    ("evil.example.com", false),
    ("localhost.evil.example.com:8080", false),
];

/// The page that a request is from, as the browser reports it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Site {
    Unsaid,
    None,
    Own,
    Sibling,
    Foreign,
    /// A link on a page of another site.
    Link,
    /// A frame in a page of another site.
    Frame,
}

const SITES: [Site; 7] = [
    Site::Unsaid,
    Site::None,
    Site::Own,
    Site::Sibling,
    Site::Foreign,
    Site::Link,
    Site::Frame,
];

impl Site {
    fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Site::Unsaid => &[],
            Site::None => &[("sec-fetch-site", "none")],
            Site::Own => &[("sec-fetch-site", "same-origin")],
            Site::Sibling => &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
            Site::Foreign => &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "no-cors"),
                ("sec-fetch-dest", "script"),
            ],
            Site::Link => &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ],
            Site::Frame => &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "iframe"),
            ],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Origin {
    Unsaid,
    Own,
    Null,
    Foreign,
}

const ORIGINS: [Origin; 4] = [Origin::Unsaid, Origin::Own, Origin::Null, Origin::Foreign];

/// The rules, written independently of the library.
fn is_allowed(host_is_own: bool, origin: Origin, site: Site, method: &Method) -> bool {
    let origin_is_own = matches!(origin, Origin::Unsaid | Origin::Own);
    let site_is_own = matches!(site, Site::None | Site::Own);
    let may = if *method == Method::GET {
        origin_is_own && (site_is_own || matches!(site, Site::Unsaid | Site::Link))
    } else if site == Site::Unsaid {
        origin_is_own
    } else {
        site_is_own
    };
    host_is_own && may
}

/// Holds 8.1, 8.2, 8.3, 8.4 of docs/admin-api.md.
#[tokio::test]
async fn a_page_of_another_site_can_neither_read_nor_change() {
    own_process!();
    let admin = AdminBuilder::new().hosts(["ops.example.com"]);
    let service = Service::start_with(Router::new().route("/", get(browsed)), &admin).await;
    let stays = tokio::spawn(service.request(Method::GET, "/").send());
    service.wait_for_waiting("browsed", 1).await;
    let calls = [
        (Method::GET, "_cat/tasks"),
        (Method::PUT, "_routes/browsed/settings?dry_run"),
        (Method::POST, "_routes/browsed/interrupt?dry_run"),
    ];
    for (host, host_is_own) in HOSTS {
        for (method, path) in &calls {
            for origin in ORIGINS {
                for site in SITES {
                    let mut request = service.admin_builder(method.clone(), path);
                    request = request.header("host", host);
                    if *method == Method::PUT {
                        request = request.json(&json!({"transient": {"preempt": null}}));
                    }
                    for (name, value) in site.headers() {
                        request = request.header(*name, *value);
                    }
                    request = match origin {
                        Origin::Unsaid => request,
                        Origin::Own => request.header("origin", format!("http://{host}")),
                        Origin::Null => request.header("origin", "null"),
                        Origin::Foreign => request.header("origin", "https://evil.example.com:1"),
                    };
                    let answer = Answer::of(request.send().await.expect("it answers")).await;
                    let what = format!("{method} of {host} by {origin:?} {site:?}");
                    let allowed = is_allowed(host_is_own, origin, site, method);
                    let status = if allowed { 200 } else { 403 };
                    assert_eq!(answer.status, status, "{what}: {answer:?}");
                    assert_restricted(&what, &answer);
                    if !allowed {
                        assert_eq!(answer.error().0, "security_exception", "{what}");
                        assert!(!answer.text.contains("browsed"), "{what}: {answer:?}");
                    }
                }
            }
        }
    }
    // No request had an effect.
    assert_eq!(service.tasks("browsed").await.len(), 1);
    stays.abort();
}

/// Holds 8.5 of docs/admin-api.md.
#[tokio::test]
async fn an_attempted_change_by_a_page_is_in_the_audit() {
    own_process!();
    let service = Service::start(Router::new().route("/", get(browsed))).await;
    let path = "_routes/browsed/interrupt?reason=forged";
    let forged = service
        .admin_builder(Method::POST, path)
        .header("origin", "https://evil.example.com");
    let answer = Answer::of(forged.send().await.expect("it answers")).await;
    assert_eq!(answer.status, 403);
    let audit = service.admin_json("_cat/audit?format=json&h=*").await;
    let rows = audit.as_array().expect("a table");
    let record = rows.iter().find(|row| row["reason"] == "forged");
    assert_eq!(record.expect("it is there")["status"], 403);
}

/// Holds 8.4 of docs/admin-api.md.
#[tokio::test]
async fn every_answer_forbids_browsers_to_run_and_to_keep_it() {
    own_process!();
    let service = Service::start(Router::new().route("/", get(browsed))).await;
    let list = service.admin("_cat").await.text;
    let tables = list.lines().skip(1).filter(|path| !path.contains('{'));
    let mut paths: Vec<String> = tables.map(|path| format!("_cat{path}")).collect();
    assert!(paths.len() > 4, "{list}");
    let others = [
        "",
        "_cat",
        "_routes",
        "_routes/settings",
        "_routes/stats",
        "_tasks",
        "_audit",
        "_metrics",
        "_tasks?format=yaml",
        "_cat/tasks?format=cbor",
        "_cat/tasks?help",
        "nowhere",
        "_cat/tasks?size=x",
        "_tasks/1/print_stack",
        "_routes/none/settings",
        "_cat/%ff",
        "_cat/%zz",
    ];
    paths.extend(others.map(str::to_owned));
    for path in paths {
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            let answer = service.admin_request(method.clone(), &path, None).await;
            assert_restricted(&format!("{method} /{path}"), &answer);
        }
    }
    // Errors below HTTP have these headers, too.
    for (request, status) in [
        ("GET / HTTP/1.1\r\nhost\r\n\r\n".to_owned(), 400),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000)), 414),
    ] {
        let answer = raw(&service, &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        for (name, value) in RESTRICTIONS {
            assert!(
                answer.contains(&format!("\r\n{name}: {value}\r\n")),
                "{answer}"
            );
        }
    }
}

/// Sends bytes that need not be a request, and reads until the connection is closed.
async fn raw(service: &Service, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let path = service.directory.path().join("app.sock");
    let mut socket = tokio::net::UnixStream::connect(path)
        .await
        .expect("it listens");
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // The server may reset the connection if it did not read the whole request.
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Holds 8.1 of docs/admin-api.md.
#[tokio::test]
async fn every_host_of_a_request_is_checked() {
    own_process!();
    let service = Service::start(Router::new().route("/", get(browsed))).await;
    for (head, status) in [
        ("GET / HTTP/1.0\r\n", 200),
        ("GET / HTTP/1.1\r\nhost:\r\n", 200),
        ("GET http://./ HTTP/1.1\r\nhost: .\r\n", 200),
        ("GET http://evil.example.com/ HTTP/1.1\r\nhost: .\r\n", 403),
        (
            "GET / HTTP/1.1\r\nhost: .\r\nhost: evil.example.com\r\n",
            403,
        ),
        ("GET http://./ HTTP/1.1\r\nhost: evil.example.com\r\n", 403),
        (
            "OPTIONS /_tasks/_cancel HTTP/1.1\r\nhost: evil.example.com\r\n",
            403,
        ),
        (
            "DELETE /nowhere HTTP/1.1\r\nhost: evil.example.com\r\n",
            403,
        ),
    ] {
        let answer = raw(&service, &format!("{head}connection: close\r\n\r\n")).await;
        let expected = [format!("HTTP/1.1 {status} "), format!("HTTP/1.0 {status} ")];
        assert!(
            expected.iter().any(|begin| answer.starts_with(begin)),
            "{head}: {answer}"
        );
    }
}

/// Holds 8.1, 8.2 of docs/admin-api.md.
#[tokio::test]
async fn a_router_of_the_host_has_the_same_rules() {
    own_process!();
    let ask = |router: Router, host: &'static str, origin: &'static str| async move {
        let mut request = axum::http::Request::post("/ops/_tasks/_cancel").header("host", host);
        if !origin.is_empty() {
            request = request.header("origin", origin);
        }
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let app = Router::new().nest("/ops", router);
        let answer = app.oneshot(request).await.expect("a router never fails");
        assert_eq!(answer.headers()["x-frame-options"], "DENY");
        answer.status().as_u16()
    };
    let plain = underscore_runtime::admin_router;
    let named = || AdminBuilder::new().hosts(["ops.example.com"]).router();
    // A cancel without a selector is 400, so it has passed the check.
    assert_eq!(ask(plain(), "127.0.0.1:80", "").await, 400);
    assert_eq!(ask(plain(), "ops.example.com", "").await, 403);
    assert_eq!(ask(named(), "ops.example.com", "").await, 400);
    assert_eq!(
        ask(named(), "ops.example.com", "https://ops.example.com").await,
        400
    );
    assert_eq!(
        ask(named(), "ops.example.com", "https://example.com").await,
        403
    );
    assert_eq!(ask(named(), "example.com", "").await, 403);
}

//! The page's files, as any client gets them.

use axum::Router;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_SECURITY_POLICY, LOCATION};
use reqwest::redirect::Policy;
use underscore_runtime::admin_router;

use crate::support::Service;

/// What a browser sends.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

/// The most bytes of page, script and style sheet.
const MOST_BYTES: usize = 96 << 10;

/// Holds 1.81, 17.1, 17.4, 17.15 of docs/admin-api.md.
#[tokio::test]
async fn the_page_is_three_files() {
    let service = Service::start(Router::new()).await;
    let mut bytes = 0;
    for (path, content_type) in [
        ("_live", "text/html; charset=utf-8"),
        ("_live/", "text/html; charset=utf-8"),
        ("_live/live.js", "text/javascript; charset=utf-8"),
        ("_live/live.css", "text/css; charset=utf-8"),
    ] {
        let answer = service.admin(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.content_type, content_type);
        let policy = &answer.headers[CONTENT_SECURITY_POLICY];
        let policy = policy.to_str().expect("it is text");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.ends_with("require-trusted-types-for 'script'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        if path != "_live/" {
            bytes += answer.text.len();
        }
    }
    assert!(bytes < MOST_BYTES, "{bytes}");
    let page = service.admin("_live").await.text;
    assert!(!page.contains("://"), "nothing from elsewhere: {page}");
    let answer = service.admin("_live/live.jss").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text.contains("did you mean"), "{}", answer.text);
}

/// Holds 17.2, 17.3 of docs/admin-api.md.
#[tokio::test]
async fn a_browser_is_led_to_the_page() {
    let nested = Router::new().nest("/ops/{team}", admin_router());
    let merged = Router::new().nest_service("/admin", admin_router());
    let service = Service::start(nested.merge(merged)).await;
    let client = reqwest::Client::builder().redirect(Policy::none()).build();
    let client = client.expect("a client can be built");
    for (path, location) in [
        ("/ops/a", "./a/_live"),
        ("/ops/b%20c", "./b%20c/_live"),
        // As a reference without a path, it would lead to another host.
        ("/ops/http:evil.example", "./http:evil.example/_live"),
        ("/admin", "./admin/_live"),
        ("/admin/", "./_live"),
    ] {
        let request = client.get(service.url(path)).header(ACCEPT, BROWSER);
        let answer = request.send().await.expect("it answers");
        assert_eq!(answer.status(), 303, "{path}");
        assert_eq!(answer.headers()[LOCATION], location, "{path}");
    }
    let answer = reqwest::Client::new().get(service.url("/ops/a"));
    let answer = answer.header(ACCEPT, BROWSER).send().await;
    let page = answer
        .expect("it answers")
        .text()
        .await
        .expect("it is text");
    assert!(page.starts_with("<!doctype html>"), "{page}");

    let read = |path: &str, accept: &'static str| {
        let request = service.admin_builder(Method::GET, path);
        request.header(ACCEPT, accept).send()
    };
    for (path, accept) in [
        ("", "*/*"),
        ("", "application/json"),
        ("?format=json", BROWSER),
        ("?pretty", "text/*"),
    ] {
        let answer = read(path, accept).await.expect("it answers");
        let text = answer.text().await.expect("it is text");
        assert!(text.contains("You Know, for Incidents"), "{accept}: {text}");
    }
    // Only the root leads there.
    let answer = read("_cat", BROWSER).await.expect("it answers");
    assert_eq!(
        answer.text().await.expect("it is text").lines().next(),
        Some("=^.^=")
    );
}

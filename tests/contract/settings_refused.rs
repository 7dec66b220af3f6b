//! Refused changes of settings: each error names the mistake and its place, has the common shape,
//! and changes nothing. Accepted changes are in `settings.rs`.

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use underscore_runtime::underscore_route;

use crate::support::sentences::{NEEDS_A_SETTINGS_FILE, did_you_mean};
use crate::support::{Answer, Service};

/// Status, type and reason of an error.
fn refusal(answer: &Answer) -> (u16, String, String) {
    assert_eq!(answer.content_type, "application/json", "{}", answer.text);
    let (kind, reason) = answer.error();
    (answer.status, kind, reason)
}

/// Sends `body` unchanged, with or without a Content-Type.
async fn put_raw(
    service: &Service,
    path: &str,
    body: impl Into<reqwest::Body>,
    kind: Option<&str>,
) -> Answer {
    let mut request = service.admin_builder(Method::PUT, path).body(body);
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    Answer::of(request.send().await.expect("the admin API answers")).await
}

const JSON: Option<&str> = Some("application/json");

const STRICT: &str = "_routes/strict/settings";

#[underscore_route(name = "strict")]
async fn strict() {}

/// Holds 4.14, 4.15 of docs/admin-api.md.
#[tokio::test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
async fn an_unknown_or_mistyped_setting_is_named_with_section_and_key() {
    let service = Service::start(Router::new().route("/", get(strict))).await;
    let before = json!({"transient": {"preempt": {"status": 503, "text": "t"}}});
    let set = service.put(STRICT, before).await.ok_json();
    for (key, value, words) in [
        (
            "preempt.statsu",
            json!(500),
            did_you_mean!("preempt.status"),
        ),
        ("preempt.reasn", json!("x"), did_you_mean!("preempt.reason")),
        ("prempt.status", json!(500), did_you_mean!("preempt.status")),
        ("nothing_like_it", Value::Null, "unknown setting"),
        (
            "preempt.status",
            json!(700),
            "between 200 and 599, not [700]",
        ),
        ("preempt.status", json!(600), "not [600]"),
        ("preempt.status", json!(199), "not [199]"),
        ("preempt.status", json!("503"), "not [\"503\"]"),
        ("preempt.status", json!(503.5), "not [503.5]"),
        ("preempt.status", json!(-1), "not [-1]"),
        ("preempt.status", json!(true), "not [true]"),
        ("preempt.status", json!({"a": 1}), "an integer"),
        ("preempt.reason", json!("two\nlines"), "one line"),
        ("preempt.reason", json!(1), "a string"),
        ("preempt.text", json!(["a"]), "a string"),
        ("preempt", json!(503), "an object or null"),
        ("preempt.*", json!(1), "must be null"),
    ] {
        let answer = service
            .put(STRICT, json!({"transient": {key: value}}))
            .await;
        let (status, kind, reason) = refusal(&answer);
        assert_eq!(
            (status, &*kind),
            (400, "illegal_argument_exception"),
            "{key}: {value}"
        );
        assert!(reason.contains(&format!("[transient.{key}]")), "{reason}");
        assert!(
            reason.contains(words),
            "{key}: {value}: {words} is not in: {reason}"
        );
        assert_eq!(service.admin_json(STRICT).await, set, "{key}: {value}");
    }
}

#[underscore_route(name = "whole")]
async fn whole() {}

/// Holds 4.5, 4.6 of docs/admin-api.md.
#[tokio::test]
async fn a_body_with_one_mistake_changes_no_setting() {
    let service = Service::start(Router::new().route("/", get(whole))).await;
    for (transient, words) in [
        (
            json!({"preempt.reason": "new", "preempt.status": 99}),
            "[transient.preempt.status]",
        ),
        (
            json!({"preempt.status": 500, "preempt.test": "t"}),
            "[transient.preempt.test]",
        ),
        (
            json!({"preempt": {"status": 500, "test": "t"}}),
            "[transient.preempt.test]",
        ),
        (
            json!({"preempt": {"status": 500}, "preempt.status": 501}),
            "twice",
        ),
        (
            json!([{"preempt.status": 500}]),
            "[transient] must be an object",
        ),
    ] {
        let body = json!({"transient": transient});
        let (status, kind, reason) = refusal(&service.put("_routes/whole/settings", body).await);
        assert_eq!(
            (status, &*kind),
            (400, "illegal_argument_exception"),
            "{transient}"
        );
        assert!(
            reason.contains(words),
            "{transient}: {words} is not in: {reason}"
        );
        assert_eq!(service.get("/").await.status, 200, "{transient}");
    }
}

#[underscore_route(name = "sectioned")]
async fn sectioned() {}

/// Holds 6.12 of docs/admin-api.md.
#[tokio::test]
async fn an_unknown_section_or_one_without_a_file_is_refused_with_the_cure() {
    let service = Service::start(Router::new().route("/", get(sectioned))).await;
    let preempt = json!({"preempt": {"status": 503}});
    for (body, words) in [
        (
            json!({"persistent": preempt}),
            [NEEDS_A_SETTINGS_FILE, "[transient]"],
        ),
        (
            json!({"transient": preempt, "persistent": {}}),
            ["[persistent]", "[transient]"],
        ),
        (
            json!({"transiet": preempt}),
            ["[transiet]", did_you_mean!("transient")],
        ),
        (
            json!({"preempt": {"status": 503}}),
            ["[preempt]", "[transient]"],
        ),
    ] {
        let answer = service
            .put("_routes/sectioned/settings", body.clone())
            .await;
        let (status, kind, reason) = refusal(&answer);
        assert_eq!(
            (status, &*kind),
            (400, "illegal_argument_exception"),
            "{body}"
        );
        assert!(
            words.iter().all(|word| reason.contains(word)),
            "{body}: {reason}"
        );
        assert_eq!(
            service.get("/").await.status,
            200,
            "{body} changed something"
        );
    }
}

#[underscore_route(name = "parsed")]
async fn parsed() {}

/// Holds 6.9, 6.10, 6.11 of docs/admin-api.md.
#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_400_with_line_and_column() {
    let service = Service::start(Router::new().route("/", get(parsed))).await;
    let path = "_routes/parsed/settings";
    for (body, words) in [
        ("{\n  \"transient\": {,}\n}", ["line 2", "column 17"]),
        (
            "{\"transient\": {\"preempt.status\": 503}",
            ["line 1", "column 37"],
        ),
        ("{\"transient\": {}} trailing", ["line 1", "column 19"]),
        (
            "{\"transient\": {}, \"transient\": {}}",
            ["duplicate key [transient]", "line 1 column 29"],
        ),
        ("503", ["must be", "a JSON object"]),
        ("[{}]", ["must be", "a JSON object"]),
        ("null", ["must be", "a JSON object"]),
        ("", ["request body", "is required"]),
        (" \n", ["request body", "is required"]),
    ] {
        let (status, kind, reason) = refusal(&put_raw(&service, path, body, JSON).await);
        assert_eq!(
            (status, &*kind),
            (400, "parse_exception"),
            "{body:?}: {reason}"
        );
        assert!(
            words.iter().all(|word| reason.contains(word)),
            "{body:?}: {reason}"
        );
    }
    let deep = format!(
        "{{\"transient\": {}1{}}}",
        "{\"a\":".repeat(10_000),
        "}".repeat(10_000)
    );
    let (status, kind, _) = refusal(&put_raw(&service, path, deep, JSON).await);
    assert_eq!(
        (status, &*kind),
        (400, "parse_exception"),
        "a deep body cannot hurt the admin thread"
    );
}

#[underscore_route(name = "typed")]
async fn typed() {}

/// Holds 6.13 of docs/admin-api.md.
#[tokio::test]
async fn a_content_type_other_than_json_is_refused() {
    let service = Service::start(Router::new().route("/", get(typed))).await;
    let (path, body) = (
        "_routes/typed/settings",
        r#"{"transient":{"preempt.status":503}}"#,
    );
    for kind in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/yaml",
    ] {
        let (status, word, reason) = refusal(&put_raw(&service, path, body, Some(kind)).await);
        assert_eq!((status, &*word), (415, "media_type_header_exception"));
        assert!(
            reason.contains(kind) && reason.contains("application/json"),
            "{reason}"
        );
        assert_eq!(
            service.get("/").await.status,
            200,
            "{kind} changed something"
        );
    }
    for kind in [None, JSON, Some("Application/JSON; charset=utf-8")] {
        assert_eq!(
            put_raw(&service, path, body, kind).await.status,
            200,
            "{kind:?}"
        );
    }
}

#[underscore_route(name = "weighed")]
async fn weighed() {}

/// Holds 6.14 of docs/admin-api.md.
#[tokio::test]
async fn a_body_over_one_mebibyte_is_413_and_one_below_is_read() {
    let service = Service::start(Router::new().route("/", get(weighed))).await;
    let body = |size: usize| {
        let body = json!({"transient": {"preempt": {"text": "x"}}}).to_string();
        format!("{body}{}", " ".repeat(size - body.len()))
    };
    let path = "_routes/weighed/settings";
    let (status, kind, reason) = refusal(&put_raw(&service, path, body((1 << 20) + 1), JSON).await);
    assert_eq!((status, &*kind), (413, "content_too_large"));
    assert!(reason.contains("1048576 bytes"), "{reason}");
    assert_eq!(
        put_raw(&service, path, body(1 << 20), JSON).await.status,
        200
    );
    service
        .put(path, json!({"transient": null}))
        .await
        .ok_json();
}

#[underscore_route(name = "asked")]
async fn asked() {}

/// Holds 6.17 of docs/admin-api.md.
#[tokio::test]
async fn another_method_is_405_with_the_allowed_ones() {
    let service = Service::start(Router::new().route("/", get(asked))).await;
    for (method, path, allowed) in [
        (
            Method::POST,
            "_routes/asked/settings",
            &["GET", "HEAD", "PUT"][..],
        ),
        (
            Method::DELETE,
            "_routes/asked/settings",
            &["GET", "HEAD", "PUT"],
        ),
        (Method::PUT, "_routes/settings", &["GET", "HEAD"]),
        (Method::GET, "_routes/asked/interrupt", &["POST"]),
        (Method::PUT, "_routes/asked/interrupt", &["POST"]),
        (Method::POST, "_cat/routes", &["GET", "HEAD"]),
    ] {
        let answer = service
            .admin_request(method.clone(), path, Some(json!({})))
            .await;
        let (status, kind, reason) = refusal(&answer);
        assert_eq!(
            (status, &*kind),
            (405, "method_not_allowed"),
            "{method} {path}"
        );
        assert!(
            reason.contains(&format!("[/{path}]")) && reason.contains(method.as_str()),
            "{reason}"
        );
        let allow = answer.headers["allow"].to_str().expect("words");
        let mut listed: Vec<&str> = allow.split(',').map(str::trim).collect();
        listed.sort_unstable();
        assert_eq!(listed, allowed, "{method} {path}");
    }
}

#[underscore_route(name = "mistyped")]
async fn mistyped() {}

/// Holds 6.3, 6.7 of docs/admin-api.md.
#[tokio::test]
async fn an_unknown_parameter_is_refused_before_anything_is_changed() {
    let service = Service::start(Router::new().route("/", get(mistyped))).await;
    let body = json!({"transient": {"preempt.status": 503}});
    let answer = service.put("_routes/mistyped/settings?prety", body).await;
    let (status, kind, reason) = refusal(&answer);
    assert_eq!((status, &*kind), (400, "illegal_argument_exception"));
    assert!(reason.contains("[/_routes/mistyped/settings]"), "{reason}");
    assert!(
        reason.ends_with(concat!("[prety] -> ", did_you_mean!("pretty"))),
        "{reason}"
    );
    assert_eq!(service.get("/").await.status, 200);
}

#[underscore_route(name = "enveloped")]
async fn enveloped() {}

/// Holds 6.1, 6.2 of docs/admin-api.md.
#[tokio::test]
async fn an_error_is_yaml_if_yaml_is_requested_and_json_otherwise() {
    let service = Service::start(Router::new().route("/", get(enveloped))).await;
    let bad = json!({"transient": {"preempt.status": 700}});
    let yaml = service
        .put("_routes/enveloped/settings?format=yaml", bad.clone())
        .await;
    assert_eq!(
        (yaml.status, yaml.content_type.as_str()),
        (400, "application/yaml")
    );
    for line in [
        "error:",
        "root_cause:",
        "type: illegal_argument_exception",
        "status: 400",
    ] {
        assert!(yaml.text.contains(line), "{}", yaml.text);
    }
    for format in ["json", "text", "ymal"] {
        let path = format!("_routes/enveloped/settings?format={format}");
        let (status, ..) = refusal(&service.put(&path, bad.clone()).await);
        assert_eq!(status, 400);
    }
    let pretty = service.put("_routes/enveloped/settings?pretty", bad).await;
    assert!(
        pretty.text.contains("\n  \"status\" : 400\n}\n"),
        "{}",
        pretty.text
    );
    assert_eq!(
        pretty.json()["error"]["root_cause"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let keys: Vec<_> = pretty.json()["error"]
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect();
    assert_eq!(keys, ["reason", "root_cause", "type"]);
    assert_eq!(pretty.json()["status"], Value::from(400));
}

#[underscore_route(name = "undone")]
async fn undone() {}

/// Holds 4.88 of docs/admin-api.md.
#[tokio::test]
async fn pending_expiries_are_limited() {
    let service = Service::start(Router::new().route("/", get(undone))).await;
    let path = "_routes/undone/settings";
    let body = |seconds: usize| json!({"transient": {"timeout": format!("{seconds}s")}, "expires_in": "1d"});
    for seconds in 1..=256 {
        service.put(path, body(seconds)).await.ok_json();
    }
    for path in [path.to_owned(), format!("{path}?dry_run")] {
        let refused = service.put(&path, body(257)).await;
        let (status, kind, reason) = refusal(&refused);
        assert_eq!((status, &*kind), (400, "illegal_argument_exception"));
        assert!(reason.contains("without [expires_in]"), "{reason}");
    }
    let set = service
        .admin_json("_routes/undone/settings?filter_path=**.timeout")
        .await;
    assert!(set.to_string().contains("256s"), "{set}");
    // A value without an expiry is not limited, and frees the place of the one that it replaces.
    let body = json!({"transient": {"timeout": "5s"}});
    service.put(path, body).await.ok_json();
    let body = json!({"transient": {"timeout": "6s"}, "expires_in": "1d"});
    service.put(path, body).await.ok_json();
}

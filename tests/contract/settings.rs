//! Effect of settings on the next request, and how they are put, merged, reset and shown. Refused
//! changes are in `settings_refused.rs`, selectors in `settings_targets.rs`.

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use reqwest::Method;
use serde_json::{Value, json};
use underscore_runtime::underscore_route;

use crate::support::{Service, talk};

/// Puts transient settings of a route, which must be accepted, and returns the resulting settings.
async fn put(service: &Service, route: &str, transient: Value) -> Value {
    let body = json!({"transient": transient});
    let set = service
        .put(&format!("_routes/{route}/settings"), body)
        .await
        .ok_json();
    let shown = service
        .admin_json(&format!("_routes/{route}/settings"))
        .await;
    assert_eq!(set, shown, "PUT answers what GET shows");
    only(&set)["transient"].clone()
}

/// The value of the only key.
fn only(object: &Value) -> &Value {
    let object = object.as_object().expect("an object");
    assert_eq!(object.len(), 1, "{object:#?}");
    object.values().next().expect("one value")
}

#[underscore_route(name = "replaced")]
async fn replaced() -> &'static str {
    "the handler's"
}

/// Holds 1.11, 3.34, 4.17 of docs/admin-api.md.
#[tokio::test]
async fn a_preempted_request_gets_status_reason_and_text_instead_of_the_handler() {
    let service = Service::start(Router::new().route("/", get(replaced))).await;
    assert_eq!(service.get("/").await.text, "the handler's");
    let preempt =
        json!({"preempt": {"status": 503, "reason": "Gone Fishing", "text": "back at\n5\n"}});
    assert_eq!(put(&service, "replaced", preempt.clone()).await, preempt);
    let mut connection = service.connect().await;
    let request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let raw = talk(&mut connection, request, "back at\n5\n")
        .await
        .to_lowercase();
    assert!(raw.starts_with("http/1.1 503 gone fishing\r\n"), "{raw}");
    assert!(
        raw.contains("\r\ncontent-type: text/plain; charset=utf-8\r\n"),
        "{raw}"
    );
    assert!(raw.contains("\r\ncontent-length: 10\r\n"), "{raw}");
    // The connection stays open, with the reason phrase of another status.
    put(
        &service,
        "replaced",
        json!({"preempt": {"status": 429, "reason": null, "text": null}}),
    )
    .await;
    let raw = talk(&mut connection, request, "\r\n\r\n").await;
    assert!(
        raw.starts_with("HTTP/1.1 429 Too Many Requests\r\n"),
        "{raw}"
    );
    assert!(raw.ends_with("\r\n\r\n"), "no body: {raw}");
    put(&service, "replaced", json!({"preempt": null})).await;
    assert_eq!(service.get("/").await.text, "the handler's");
    let ends = [("completed", 2), ("preempted", 2)];
    let row = service.wait_for_ends("replaced", &ends).await;
    assert_eq!(
        (&row["stats.resp.status_4xx"], &row["stats.resp.status_5xx"]),
        (&json!(1), &json!(1))
    );
}

#[underscore_route(name = "unread")]
async fn unread(body: Bytes) -> String {
    body.len().to_string()
}

/// Holds 4.16 of docs/admin-api.md.
#[tokio::test]
async fn a_request_is_preempted_before_its_body_is_read() {
    let service = Service::start(Router::new().route("/", post(unread))).await;
    put(&service, "unread", json!({"preempt.status": 503})).await;
    let mut connection = service.connect().await;
    let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
    let raw = talk(&mut connection, head, "\r\n\r\n").await;
    assert!(raw.starts_with("HTTP/1.1 503 "), "{raw}");
    let mut polite = service.connect().await;
    let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    let raw = talk(&mut polite, head, "\r\n\r\n").await;
    assert!(
        raw.starts_with("HTTP/1.1 503 "),
        "a client that asks first is not told to go on: {raw}"
    );
    let head = service
        .request(Method::HEAD, "/")
        .send()
        .await
        .expect("an answer");
    assert_eq!(head.status(), 405, "another method is the router's");
    service.wait_for_ends("unread", &[("preempted", 2)]).await;
}

#[underscore_route(name = "headed")]
async fn headed() {}

#[tokio::test]
async fn a_preempted_head_has_the_head_of_a_get_and_no_body() {
    let service = Service::start(Router::new().route("/", get(headed))).await;
    put(
        &service,
        "headed",
        json!({"preempt": {"status": 410, "text": "never"}}),
    )
    .await;
    let raw = talk(
        &mut service.connect().await,
        "HEAD / HTTP/1.1\r\nhost: x\r\n\r\n",
        "\r\n\r\n",
    )
    .await;
    assert!(
        raw.starts_with("HTTP/1.1 410 Gone\r\n") && raw.ends_with("\r\n\r\n"),
        "{raw}"
    );
    service.wait_for_ends("headed", &[("preempted", 1)]).await;
}

#[underscore_route(name = "merged")]
async fn merged() -> &'static str {
    "open"
}

/// Holds 1.11, 4.2, 4.18 of docs/admin-api.md.
#[tokio::test]
async fn a_change_keeps_other_settings_and_null_resets_one() {
    let service = Service::start(Router::new().route("/", get(merged))).await;
    put(
        &service,
        "merged",
        json!({"preempt": {"status": 503, "text": "first"}}),
    )
    .await;
    let set = put(&service, "merged", json!({"preempt": {"reason": "Busy"}})).await;
    assert_eq!(
        set,
        json!({"preempt": {"status": 503, "text": "first", "reason": "Busy"}})
    );
    let answer = service.get("/").await;
    assert_eq!(
        (answer.status, &*answer.reason, &*answer.text),
        (503, "Busy", "first")
    );
    let set = put(&service, "merged", json!({"preempt.text": null})).await;
    assert_eq!(set, json!({"preempt": {"status": 503, "reason": "Busy"}}));
    assert_eq!(
        put(&service, "merged", json!({})).await,
        set,
        "nothing asked, nothing changed"
    );
    let set = put(&service, "merged", json!({"preempt": {"status": null}})).await;
    assert_eq!(set, json!({"preempt": {"reason": "Busy"}}));
    assert_eq!(
        service.get("/").await.text,
        "open",
        "a reason alone preempts nothing"
    );
    assert_eq!(service.route("merged").await["preempt"], Value::Null);
    put(&service, "merged", json!({"preempt.status": 418})).await;
    let answer = service.get("/").await;
    assert_eq!(
        (answer.status, &*answer.reason),
        (418, "Busy"),
        "it waited for a status"
    );
}

#[underscore_route(name = "emptied")]
async fn emptied() -> &'static str {
    "open"
}

/// Holds 4.3 of docs/admin-api.md.
#[tokio::test]
async fn null_resets_all_below_however_it_is_written() {
    let service = Service::start(Router::new().route("/", get(emptied))).await;
    for reset in [
        json!({"preempt": null}),
        json!({"preempt.*": null}),
        json!({"*": null}),
        json!({"preempt": {"*": null}}),
        json!({"preempt.status": null, "preempt": {"reason": null, "text": null}}),
        Value::Null,
    ] {
        let all = json!({"preempt": {"status": 503, "reason": "Busy", "text": "later"}});
        put(&service, "emptied", all).await;
        assert_eq!(service.get("/").await.status, 503);
        assert_eq!(
            put(&service, "emptied", reset.clone()).await,
            json!({}),
            "{reset}"
        );
        assert_eq!(service.get("/").await.text, "open", "{reset}");
    }
}

#[underscore_route(name = "spelled")]
async fn spelled() {}

/// Holds 4.1 of docs/admin-api.md.
#[tokio::test]
async fn nested_dotted_and_mixed_keys_are_the_same() {
    let service = Service::start(Router::new().route("/", get(spelled))).await;
    let expected = json!({"preempt": {"status": 503, "text": "t"}});
    for keys in [
        json!({"preempt": {"status": 503, "text": "t"}}),
        json!({"preempt.status": 503, "preempt.text": "t"}),
        json!({"preempt.status": 503, "preempt": {"text": "t"}}),
    ] {
        put(&service, "spelled", json!({"*": null})).await;
        assert_eq!(put(&service, "spelled", keys).await, expected);
    }
}

#[underscore_route(name = "defaulted")]
async fn defaulted() {}

/// Holds 1.10, 4.8 of docs/admin-api.md.
#[tokio::test]
async fn defaults_are_shown_for_what_is_not_set() {
    let service = Service::start(Router::new().route("/", get(defaulted))).await;
    put(&service, "defaulted", json!({"preempt.status": 503})).await;
    let shown = service
        .admin_json("_routes/defaulted/settings?include_defaults")
        .await;
    let expected = json!({
        "transient": {"preempt": {"status": 503}},
        "defaults": {
            "delay": null,
            "interrupt": {"status": 503},
            "limit": {"active": null, "rate": null},
            "log": null,
            "preempt": {"headers": null, "ratio": 1, "reason": null, "text": null},
            "slow_after": "1s",
            "timeout": null,
        },
    });
    assert_eq!(only(&shown), &expected);
    let shown = service
        .admin_json("_routes/defaulted/settings?include_defaults=false")
        .await;
    assert_eq!(
        only(&shown),
        &json!({"transient": {"preempt": {"status": 503}}})
    );
    let id = service.route("defaulted").await["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let all = service.admin_json("_routes/settings").await;
    assert_eq!(all[&id], *only(&shown), "under its id among all");
    let yaml = service
        .admin("_routes/defaulted/settings?format=yaml")
        .await;
    assert_eq!(yaml.content_type, "application/yaml");
    assert!(yaml.text.contains("status: 503"), "{}", yaml.text);
}

#[underscore_route(name = "early")]
async fn early() -> &'static str {
    "open"
}

/// Holds 3.40, 3.41, 4.13 of docs/admin-api.md.
#[tokio::test]
async fn settings_from_before_the_first_request_apply_to_it() {
    let service = Service::start(Router::new().route("/", get(early))).await;
    let row = service.route("early").await;
    assert_eq!(
        (&row["mounted"], &row["path"]),
        (&json!(false), &Value::Null)
    );
    put(&service, "early", json!({"preempt.status": 503})).await;
    assert_eq!(service.route("early").await["preempt"], 503);
    assert_eq!(
        service.get("/").await.status,
        503,
        "the first request of all"
    );
    let row = service.wait_for_ends("early", &[("preempted", 1)]).await;
    assert_eq!(
        (&row["mounted"], &row["path"], &row["method"]),
        (&json!(true), &json!("/"), &json!("GET"))
    );
    put(&service, "early", json!({"*": null})).await;
    assert_eq!(service.get("/").await.text, "open");
}

#[underscore_route(name = "under_load")]
async fn under_load() -> &'static str {
    "open"
}

/// Holds 4.12 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_applies_to_every_request_that_begins_after_its_answer() {
    let service = Service::start_on_workers(2, Router::new().route("/", get(under_load))).await;
    let mut connection = service.connect().await;
    for round in 0..40 {
        let (status, value) = match round % 2 {
            0 => ("503", json!(503)),
            _ => ("200", Value::Null),
        };
        put(&service, "under_load", json!({"preempt.status": value})).await;
        // An open connection, whose worker has read the old state, and a new connection.
        let request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        let kept = talk(&mut connection, request, "\r\n\r\n").await;
        let new = talk(&mut service.connect().await, request, "\r\n\r\n").await;
        for raw in [kept, new] {
            assert!(
                raw.starts_with(&format!("HTTP/1.1 {status} ")),
                "round {round}: {raw}"
            );
        }
    }
}

#[underscore_route(name = "bodyless")]
async fn bodyless() {}

/// Holds 4.19 of docs/admin-api.md.
#[tokio::test]
async fn a_status_without_content_is_sent_without_the_text() {
    let service = Service::start(Router::new().route("/", get(bodyless))).await;
    for status in [204, 205, 304] {
        let body = json!({"transient": {"preempt": {"status": status, "text": "never sent"}}});
        service
            .put("_routes/bodyless/settings", body)
            .await
            .ok_json();
        let mut connection = service.connect().await;
        let request = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let answer = talk(&mut connection, request, "never sent").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(!answer.contains("content-length: 10"), "{answer}");
        assert!(!answer.contains("never sent"), "{answer}");
    }
}

#[underscore_route(get, "/b", name = "listed_b")]
async fn listed_b() {}

#[underscore_route(post, "/a", name = "listed_a2")]
async fn listed_a2() {}

#[underscore_route(get, "/a", name = "listed_a1")]
async fn listed_a1() {}

/// Holds 4.11 of docs/admin-api.md.
#[tokio::test]
async fn settings_are_listed_in_the_order_of_the_tables() {
    let app = Router::new()
        .route("/b", get(listed_b))
        .route("/a", get(listed_a1).post(listed_a2));
    let service = Service::start(app).await;
    let ids = service.admin("_cat/routes/listed_*?h=id").await.text;
    let settings = service.admin("_routes/listed_*/settings").await.text;
    let places: Vec<_> = ids.lines().map(|id| settings.find(id)).collect();
    assert_eq!(places.len(), 3);
    assert!(places.iter().all(Option::is_some), "{ids}{settings}");
    assert!(places.is_sorted(), "{ids}{settings}");
}

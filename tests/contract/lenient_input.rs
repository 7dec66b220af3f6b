//! Input of a person without a manual: routes by path, words of Elasticsearch, durations as the
//! tables print them, broken escapes.

use axum::Router;
use axum::routing::{any, get};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use underscore_runtime::underscore_route;

use crate::support::process::own_process;
use crate::support::sentences::{did_you_mean, use_method};
use crate::support::{Answer, Service};

static NEVER: Semaphore = Semaphore::const_new(0);

#[underscore_route]
async fn twice() {
    NEVER.acquire().await.expect("never closed").forget();
}

#[underscore_route]
async fn user() {}

#[underscore_route]
async fn many_methods() {}

#[underscore_route]
async fn no_request_yet() {}

async fn service() -> Service {
    let app = Router::new()
        .route("/twice", get(twice))
        .route("/users/{id}", get(user))
        .route("/several", any(many_methods))
        .route("/later", get(no_request_yet));
    let service = Service::start(app).await;
    service.get("/users/5").await;
    for method in [Method::GET, Method::POST] {
        let sent = service.request(method, "/several").send().await;
        sent.expect("an answer");
    }
    service
}

fn ids(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().expect("a table").iter();
    rows.map(|row| row["id"].as_str().expect("an id")).collect()
}

fn assert_refused(answer: &Answer, status: u16, kind: &str, words: &str) {
    let (found, reason) = answer.error();
    assert_eq!((answer.status, &*found), (status, kind), "{reason}");
    assert!(reason.contains(words), "{words} is not in: {reason}");
}

/// Holds 2.26, 2.27 of docs/admin-api.md.
#[tokio::test]
async fn a_route_is_selected_by_path_and_by_method_and_path() {
    own_process!();
    let service = service().await;
    let client = tokio::spawn(service.request(Method::GET, "/twice").send());
    service
        .wait_for("contract::lenient_input::twice", "stats.req.active", 1)
        .await;
    let id = service.route("contract::lenient_input::twice").await["id"].clone();
    for selector in [
        "%2Ftwice",
        "GET%20%2Ftwice",
        "get%20/twice",
        "%2Ftw*",
        "GET%20%2Ftw*",
    ] {
        let selector = selector.replace('/', "%2F");
        let rows = service
            .admin_json(&format!("_cat/routes/{selector}?format=json"))
            .await;
        assert_eq!(ids(&rows), [id.as_str().expect("an id")], "{selector}");
    }
    for filter in ["/twice", "%2Ftwice", "GET%20/twice"] {
        let rows = service
            .admin_json(&format!("_cat/tasks?format=json&routes={filter}"))
            .await;
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "{filter}");
    }
    let braces = service
        .admin_json("_cat/routes/%2Fusers%2F%7Bid%7D?format=json")
        .await;
    assert_eq!(braces[0]["path"], "/users/{id}");
    let other = service.admin("_cat/routes/POST%20%2Ftwice").await;
    assert_refused(&other, 404, "resource_not_found_exception", "POST /twice");
    let mistyped = service.admin("_cat/routes/%2Ftwise").await;
    assert_refused(
        &mistyped,
        404,
        "resource_not_found_exception",
        did_you_mean!("/twice"),
    );

    for bare in [
        "_routes//twice/interrupt",
        "_cat/routes//twice",
        "_cat/routes/GET%20/twice",
        "_routes/users/5/settings",
    ] {
        let refused = service.admin(bare).await;
        let words = "a slash in the path of a route is written %2F";
        assert_refused(&refused, 404, "invalid_path_exception", words);
    }
    let limit = json!({"transient": {"limit.active": 1}});
    let set = service
        .put("_routes/%2Ftwice/settings", limit)
        .await
        .ok_json();
    assert_eq!(
        set[id.as_str().expect("an id")]["transient"]["limit"]["active"],
        1
    );
    let report = service.post("_routes/%2Ftwice/interrupt").await.ok_json();
    assert_eq!(report["interrupted"], 1, "{report:#}");
    client.await.expect("no panic").expect("an answer");
}

/// Holds 2.27 of docs/admin-api.md.
#[tokio::test]
async fn a_change_of_a_path_with_several_methods_needs_the_method() {
    own_process!();
    let service = service().await;
    let rows = service
        .admin_json("_cat/routes/%2Fseveral?format=json")
        .await;
    assert_eq!(ids(&rows).len(), 2, "all, to look at");
    let refused = service.post("_routes/%2Fseveral/interrupt").await;
    assert_refused(
        &refused,
        400,
        "illegal_argument_exception",
        "[/several] names 2 routes",
    );
    for id in ids(&rows) {
        assert_refused(&refused, 400, "illegal_argument_exception", id);
    }
    let one = service
        .post("_routes/POST%20%2Fseveral/interrupt")
        .await
        .ok_json();
    assert_eq!(one["acknowledged"], true);
}

/// Holds 3.70 of docs/admin-api.md.
#[tokio::test]
async fn handlers_without_a_path_are_distinguished_by_default() {
    let service = service().await;
    let heading = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let all = service.admin("_cat/routes?v").await.text;
    assert!(
        heading(&all).split_whitespace().nth(1) == Some("handler"),
        "{all}"
    );
    assert!(
        all.contains("contract::lenient_input::no_request_yet"),
        "{all}"
    );
    let known = service.admin("_cat/routes/%2Fseveral?v").await.text;
    assert!(!heading(&known).contains("handler"), "{known}");
    let chosen = service.admin("_cat/routes?v&h=id,path").await.text;
    assert!(!heading(&chosen).contains("handler"), "{chosen}");
}

/// Holds 1.19 of docs/admin-api.md.
#[tokio::test]
async fn paths_below_a_route_may_have_an_underscore() {
    // All routes are compared twice, and other tests change settings in between.
    own_process!();
    let service = service().await;
    let limit = json!({"transient": {"limit.active": 7}});
    service
        .put("_routes/%2Fseveral*/_settings", limit)
        .await
        .ok_json();
    for route in ["", "%2Fseveral/"] {
        for name in ["settings", "stats"] {
            let plain = service
                .admin_json(&format!(
                    "_routes/{route}{name}?filter_path=-**.end,-**.req,-**.resp"
                ))
                .await;
            let other = service
                .admin_json(&format!(
                    "_routes/{route}_{name}?filter_path=-**.end,-**.req,-**.resp"
                ))
                .await;
            assert_eq!(plain, other, "{route}{name}");
        }
    }
}

/// Holds 6.26 of docs/admin-api.md.
#[tokio::test]
async fn paths_and_parameters_of_elasticsearch_are_answered_with_ours() {
    let service = service().await;
    for (path, here) in [
        ("_cat/thread_pool", "/_cat/workers"),
        ("_cluster/health", "/_health_report"),
        ("_cat/pending_tasks", "/_cat/tasks"),
        ("_cluster/settings", "/_routes/settings"),
        ("_nodes/stats", "/_metrics"),
    ] {
        let expected = format!(did_you_mean!("{}"), here);
        assert_refused(
            &service.admin(path).await,
            404,
            "invalid_path_exception",
            &expected,
        );
    }
    for (query, words) in [
        (
            "_tasks?actions=*search",
            concat!("[actions] -> ", did_you_mean!("routes")),
        ),
        (
            "_tasks?nodes=a",
            "[nodes] -> there is one node, this process",
        ),
        (
            "_cat/tasks?actions=x",
            concat!("[actions] -> ", did_you_mean!("routes")),
        ),
    ] {
        let kind = "illegal_argument_exception";
        assert_refused(&service.admin(query).await, 400, kind, words);
    }
}

/// Holds 6.27 of docs/admin-api.md.
#[tokio::test]
async fn another_method_is_refused_with_the_one_to_use() {
    let service = service().await;
    for (method, path, words) in [
        (Method::GET, "_tasks/_cancel", use_method!("GET", "POST")),
        (Method::PUT, "_routes/settings", use_method!("PUT", "GET")),
        (
            Method::DELETE,
            "_routes/%2Ftwice/settings",
            use_method!("DELETE", "GET or PUT"),
        ),
        (Method::POST, "_cat/tasks/", use_method!("POST", "GET")),
        (
            Method::GET,
            "_routes/x/interrupt",
            use_method!("GET", "POST"),
        ),
    ] {
        let answer = service.admin_request(method, path, None).await;
        assert_refused(&answer, 405, "method_not_allowed", words);
    }
}

/// Holds 5.3 of docs/admin-api.md.
#[tokio::test]
async fn durations_are_accepted_as_they_are_printed() {
    let service = service().await;
    let path = "_routes/contract::lenient_input::user/settings";
    for (typed, shown) in [("1.5m", "1.5m"), ("0.5s", "0.5s"), ("90s", "90s")] {
        let body = json!({"transient": {"timeout": typed}, "expires_in": "1.5h"});
        let set = service.put(path, body).await.ok_json();
        let settings = set
            .as_object()
            .and_then(|all| all.values().next())
            .expect("one");
        assert_eq!(settings["transient"]["timeout"], shown, "{settings:#}");
        assert_eq!(settings["expires_in"], "1.4h", "{settings:#}");
    }
    assert_eq!(
        service.admin("_cat/tasks?older_than=1.5m").await.status,
        200
    );
    for bad in [
        "1.5",
        ".5s",
        "1.s",
        "1.2.3s",
        "-1s",
        "0.1nanos",
        "1,5s",
        "1e3s",
        "s",
        "99999999999999999999s",
    ] {
        let answer = service.admin(&format!("_cat/tasks?older_than={bad}")).await;
        let words = "(nanos, micros, ms, s, m, h, d)";
        assert_refused(&answer, 400, "illegal_argument_exception", words);
        let body = json!({"transient": {"timeout": bad}});
        let answer = service.put(path, body).await;
        assert_refused(&answer, 400, "illegal_argument_exception", words);
    }
}

/// Holds 4.65 of docs/admin-api.md.
#[tokio::test]
async fn settings_with_an_expiry_are_marked() {
    let service = service().await;
    let path = "_routes/contract::lenient_input::no_request_yet/settings";
    let settings = async |query: &str| {
        let all = service.admin_json(&format!("{path}{query}")).await;
        let all = all.as_object().cloned().expect("an object");
        all.into_iter().next().expect("one route").1
    };
    let put = async |body: Value| service.put(path, body).await.ok_json();
    put(json!({"transient": {"timeout": "30s"}, "expires_in": "1h"})).await;
    assert!(settings("").await["expires_in"].is_string(), "all of it");
    put(json!({"transient": {"limit.active": 5}})).await;
    let mixed = settings("").await;
    assert!(mixed["expires_in"]["timeout"].is_string(), "{mixed:#}");
    assert_eq!(mixed["expires_in"]["limit"], Value::Null, "{mixed:#}");
    put(json!({"transient": {"limit.active": 6}, "expires_in": "2h"})).await;
    let flat = settings("?flat_settings").await;
    assert!(flat["expires_in"]["limit.active"].is_string(), "{flat:#}");
    assert_eq!(flat["expires_in"]["timeout"], "59.9m", "{flat:#}");
    put(json!({"transient": {"timeout": "30s"}, "expires_in": "3h"})).await;
    let prolonged = settings("?flat_settings").await;
    assert_eq!(prolonged["expires_in"]["timeout"], "2.9h", "{prolonged:#}");
    put(json!({"transient": null})).await;
    assert_eq!(settings("").await["expires_in"], Value::Null);
}

/// Holds 6.28 of docs/admin-api.md.
#[tokio::test]
async fn a_broken_escape_is_refused() {
    let service = service().await;
    let raw = async |target: &str| {
        let socket = service.directory.path().join("app.sock");
        let mut stream = tokio::net::UnixStream::connect(socket)
            .await
            .expect("it listens");
        let request = format!("GET {target} HTTP/1.1\r\nhost: .\r\nconnection: close\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
            .await
            .expect("it reads");
        let mut answer = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer)
            .await
            .expect("it ends");
        answer
    };
    for target in [
        "/_cat/routes/%zz",
        "/_cat/routes/%2",
        "/_cat/routes/a%",
        "/_cat/routes?h=%zz",
        "/_cat/tasks?routes=%2",
        "/%gg",
        "/_tasks?reason=100%",
    ] {
        let answer = raw(target).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
        assert!(answer.contains("write a percent sign as %25"), "{answer}");
    }
    assert!(
        raw("/_cat/routes?h=id%2Cpath")
            .await
            .starts_with("HTTP/1.1 200 ")
    );
}

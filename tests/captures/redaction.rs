//! What a bundle does not have.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest::Method;
use underscore_runtime::{AdminBuilder, underscore_route};

use crate::support::Service;
use crate::support::process::own_process;
use crate::unpacked::{Unpacked, have_tar};
use crate::waits;

#[underscore_route(get, "/fails/{id}", name = "fails")]
async fn fails() -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

/// A service with a request in flight and one that has failed, from known addresses.
struct Visited {
    service: Service,
    remotes: Vec<String>,
}

impl Visited {
    async fn start(admin: AdminBuilder) -> Self {
        let app = Router::new()
            .route("/waits/{id}", get(waits))
            .route("/fails/{id}", get(fails));
        let service = Service::start_with(app, &admin.keep_queries(true)).await;
        let mut remotes = Vec::new();
        for path in ["fails", "waits"] {
            let mut client = service.connect().await;
            remotes.push(client.local_addr().expect("an address").to_string());
            let head = format!(
                "GET /{path}/user-17?token=secret HTTP/1.1\r\nhost: x\r\nx-request-id: id-of-request\r\n\
                 x-opaque-id: id-of-client\r\n\
                 traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n"
            );
            crate::support::send(&mut client, &head).await;
            std::mem::forget(client);
        }
        service.wait_for_waiting("waits", 1).await;
        service.wait_for_ends("fails", &[("completed", 1)]).await;
        Visited { service, remotes }
    }

    async fn bundle(&self, parameters: &str) -> Unpacked {
        Unpacked::get(&self.service, parameters).await
    }
}

const IDS: [&str; 3] = [
    "id-of-request",
    "id-of-client",
    "4bf92f3577b34da6a3ce929d0e0e4736",
];

/// Holds 19.8 of docs/admin-api.md.
#[tokio::test]
async fn queries_are_there_only_if_they_are_wanted() {
    own_process!();
    if !have_tar() {
        return;
    }
    let visited = Visited::start(AdminBuilder::new()).await;
    let tasks = visited.service.admin("_cat/tasks?h=uri").await.text;
    assert!(tasks.contains("secret"), "the client may see them: {tasks}");
    let bundle = visited.bundle("").await;
    assert_eq!(bundle.containing("secret"), [""; 0]);
    for word in ["user-17", &visited.remotes[1], IDS[0], IDS[1], IDS[2]] {
        for name in ["tasks.txt", "tasks.json"] {
            assert!(bundle.text(name).contains(word), "{word} in {name}");
        }
    }
    for word in ["user-17", &visited.remotes[0], IDS[0], IDS[1], IDS[2]] {
        for name in ["ended.txt", "ended.json"] {
            assert!(bundle.text(name).contains(word), "{word} in {name}");
        }
    }
    let bundle = visited.bundle("with=query").await;
    let with_query = bundle.containing("/user-17?token=secret");
    assert_eq!(
        with_query,
        ["ended.json", "ended.txt", "tasks.json", "tasks.txt"]
    );
}

/// Holds 19.8 of docs/admin-api.md.
#[tokio::test]
async fn options_of_the_service_apply() {
    own_process!();
    if !have_tar() {
        return;
    }
    let admin = AdminBuilder::new().show_queries(false);
    let admin = admin.redact_uris(|uri| uri.replace("user-17", "someone"));
    let visited = Visited::start(admin).await;
    let bundle = visited.bundle("with=query").await;
    assert_eq!(bundle.containing("secret"), [""; 0]);
    assert_eq!(bundle.containing("user-17"), [""; 0]);
    assert!(bundle.text("tasks.txt").contains("/waits/someone"));
}

/// Holds 19.9 of docs/admin-api.md.
#[tokio::test]
async fn what_is_to_be_left_out_is_in_no_file() {
    own_process!();
    if !have_tar() {
        return;
    }
    let visited = Visited::start(AdminBuilder::new()).await;
    let kept = "kept by the operator";
    let body = serde_json::json!({ "transient": { "preempt.status": 503, "preempt.text": kept } });
    visited
        .service
        .put("_routes/fails/settings", body)
        .await
        .ok_json();
    let path = "_routes/fails/interrupt?reason=because";
    let answer = visited
        .service
        .admin_request(Method::POST, path, None)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let remotes: Vec<&str> = visited.remotes.iter().map(String::as_str).collect();
    let all = [IDS.as_slice(), &remotes, &["user-17"]].concat();
    let cases = [
        ("without=uri", vec!["user-17"]),
        ("without=remote", remotes.clone()),
        ("without=headers", IDS.to_vec()),
        ("without=uri,remote,headers&with=query", all),
    ];
    for (parameters, hidden) in cases {
        let bundle = visited.bundle(parameters).await;
        for word in hidden {
            assert_eq!(bundle.containing(word), [""; 0], "{word} with {parameters}");
        }
        assert!(bundle.text("settings.json").contains(kept));
        assert!(bundle.text("audit.txt").contains("because"));
        assert!(bundle.text("tasks.txt").contains("/waits/{id}"));
    }
}

//! The state of a connection follows its bytes and its requests, on HTTP/1 and HTTP/2.

use axum::Router;
use axum::routing::get;
use std::sync::LazyLock;
use tokio::sync::Semaphore;
use underscore_runtime::underscore_route;

use super::{row, row_in};
use crate::support::{Service, send, talk};

static GATE: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(0));

#[underscore_route(name = "states.waits")]
async fn waits() -> &'static str {
    GATE.acquire().await.expect("it is open").forget();
    "done"
}

/// Apart from `GATE`, because the tests run side by side.
static HTTP2_GATE: Semaphore = Semaphore::const_new(0);

#[underscore_route(name = "states.http2")]
async fn waits_on_http2() -> &'static str {
    HTTP2_GATE.acquire().await.expect("it is open").forget();
    "done"
}

#[underscore_route(name = "states.answers")]
async fn answers() -> &'static str {
    "answer"
}

fn app() -> Router {
    Router::new()
        .route("/waits", get(waits))
        .route("/http2", get(waits_on_http2))
        .route("/answers", get(answers))
        .route("/untracked", get(|| async { "untracked" }))
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")
}

/// Holds 9.1, 9.2, 9.3, 1.45 of docs/admin-api.md.
#[tokio::test]
async fn the_state_of_a_connection_follows_what_happens_on_it() {
    let service = Service::start_tracked(app()).await;
    let mut client = service.connect().await;
    let new = row_in(&service, &client, "new").await;
    assert_eq!(new["local"], service.address.to_string());
    assert_eq!((&new["bytes_in"], &new["requests"]), (&0.into(), &0.into()));
    assert_eq!(new["protocol"], serde_json::Value::Null);

    send(&mut client, "GET /waits HTTP/1.1\r\n").await;
    let head = row_in(&service, &client, "head").await;
    assert_eq!(head["bytes_in"], 21);
    send(&mut client, "host: x\r\n\r\n").await;
    let active = row_in(&service, &client, "active").await;
    assert_eq!(
        (&active["tasks"], &active["requests"]),
        (&1.into(), &1.into())
    );
    assert_eq!(active["protocol"], "http1");
    assert_eq!(active["id"], new["id"]);

    GATE.add_permits(1);
    assert!(talk(&mut client, "", "done").await.ends_with("done"));
    let idle = row_in(&service, &client, "idle").await;
    assert_eq!((&idle["tasks"], &idle["requests"]), (&0.into(), &1.into()));
    assert!(idle["bytes_out"].as_u64() > Some(20), "{idle}");

    talk(&mut client, &request("/answers"), "answer").await;
    let again = row(&service, &client, |row| row["requests"] == 2).await;
    assert_eq!(again["state"], "idle");
}

/// Holds 9.4 of docs/admin-api.md.
#[tokio::test]
async fn a_response_to_an_untracked_request_may_not_be_over() {
    let service = Service::start_tracked(app()).await;
    let mut client = service.connect().await;
    talk(&mut client, &request("/untracked"), "untracked").await;
    let untracked = row_in(&service, &client, "untracked").await;
    assert_eq!(untracked["requests"], 0);
    talk(&mut client, &request("/answers"), "answer").await;
    row_in(&service, &client, "idle").await;
}

/// Holds 9.5 of docs/admin-api.md.
#[tokio::test]
async fn on_http_2_a_connection_is_active_while_a_stream_is_open() {
    let service = Service::start_tracked(app()).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build();
    let client = client.expect("a client");
    let url = service.url("/http2");
    let first = tokio::spawn(client.get(&url).send());
    let second = tokio::spawn(client.get(&url).send());
    let is_http2 = |row: &&serde_json::Value| row["protocol"] == "http2";
    let find = async |tasks: u64| loop {
        let rows = service.admin_json("_cat/connections?format=json&h=*").await;
        let rows = rows.as_array().expect("a table").clone();
        if let Some(row) = rows.iter().find(is_http2)
            && row["tasks"] == tasks
            && row["requests"] == 2
        {
            return row.clone();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(find(2).await["state"], "active");
    HTTP2_GATE.add_permits(2);
    for response in [first, second] {
        let response = response.await.expect("no panic").expect("a response");
        assert_eq!(response.text().await.expect("a body"), "done");
    }
    assert_eq!(find(0).await["state"], "idle");
}

/// Holds 9.6 of docs/admin-api.md.
#[tokio::test]
async fn a_connection_that_has_ended_is_no_longer_listed() {
    let service = Service::start_tracked(app()).await;
    let client = service.connect().await;
    let id = row_in(&service, &client, "new").await["id"].clone();
    drop(client);
    loop {
        let rows = service.admin_json("_cat/connections?format=json").await;
        let rows = rows.as_array().expect("a table");
        if rows.iter().all(|row| row["id"] != id) {
            break;
        }
        tokio::task::yield_now().await;
    }
}

//! The filters in subscribers: two in one, and those that are gone.

use axum::Router;
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::Registry;

use crate::memory::Memory;
use crate::support::Service;
use crate::support::process::own_process;

fn bases(shown: &Value) -> Vec<&str> {
    let filters = shown["filters"].as_array().expect("a list");
    filters
        .iter()
        .filter_map(|filter| filter["base"].as_str())
        .collect()
}

/// Holds 18.10, 18.18 of docs/admin-api.md.
#[tokio::test]
async fn two_filters_act_each_on_its_own_layer() {
    own_process!();
    let (quiet, first) = Memory::layer("warn");
    let (loud, second) = Memory::layer("info,hyper=off");
    let subscriber = Registry::default().with(first).with(second);
    tracing::subscriber::set_global_default(subscriber).expect("the only one");
    let service = Service::start(Router::new()).await;
    let shown = service.admin_json("_logger").await;
    assert_eq!(bases(&shown), ["warn", "hyper=off,info"]);
    let write = |what: &str| {
        tracing::info!(target: "sqlx", "sqlx info {what}");
        tracing::debug!(target: "sqlx", "sqlx debug {what}");
        tracing::warn!(target: "hyper", "hyper warn {what}");
    };
    write("before");
    assert!(!quiet.has("sqlx info before") && loud.has("sqlx info before"));
    assert!(quiet.has("hyper warn before") && !loud.has("hyper warn before"));

    let put = service
        .put("_logger", json!({"transient": {"sqlx": "debug"}}))
        .await;
    put.ok_json();
    write("during");
    for log in [&quiet, &loud] {
        assert!(log.has("sqlx info during") && log.has("sqlx debug during"));
    }
    assert!(!loud.has("hyper warn during"));
    let reset = service.put("_logger", json!({"transient": null})).await;
    reset.ok_json();
    write("after");
    assert!(!quiet.has("sqlx info after") && loud.has("sqlx info after"));
    assert!(!loud.has("debug after"));
}

/// Holds 18.10, 18.19 of docs/admin-api.md.
#[tokio::test]
async fn a_filter_that_is_dropped_or_in_no_subscriber_is_not_listed() {
    own_process!();
    let service = Service::start(Router::new()).await;
    let _unused = underscore_runtime::log_filter(EnvFilter::new("error"));
    assert_eq!(bases(&service.admin_json("_logger").await), [""; 0]);
    let (log, layer) = Memory::layer("info");
    let subscriber = tracing::Dispatch::new(Registry::default().with(layer));
    assert_eq!(bases(&service.admin_json("_logger").await), ["info"]);
    let put = json!({"transient": {"sqlx": "debug"}});
    // The subscriber is that of this thread alone, and not of the threads of the admin API.
    let guard = tracing::dispatcher::set_default(&subscriber);
    let write = || tracing::debug!(target: "sqlx", "of this thread");
    write();
    service.put("_logger", put.clone()).await.ok_json();
    assert!(!log.has("of this thread"));
    write();
    assert!(log.has("of this thread"), "{}", log.text());
    drop((guard, subscriber));
    let shown = service.admin_json("_logger").await;
    assert_eq!(bases(&shown), [""; 0]);
    assert_eq!(service.put("_logger", put).await.status, 409);
}

/// Holds 18.20 of docs/admin-api.md.
#[tokio::test]
async fn directives_for_spans_apply_where_no_level_is_set() {
    own_process!();
    let log = Memory::install("warn,[request{id=7}]=debug");
    let service = Service::start(Router::new()).await;
    let write = |what: &str| {
        for id in [7, 8] {
            let _request = tracing::info_span!("request", id).entered();
            tracing::debug!(target: "sqlx", "in request {id}, {what}");
        }
    };
    write("before");
    assert!(log.has("in request 7, before") && !log.has("in request 8, before"));
    let put = json!({"transient": {"hyper": "trace"}});
    service.put("_logger", put).await.ok_json();
    write("during");
    assert!(log.has("in request 7, during") && !log.has("in request 8, during"));
    let put = json!({"transient": {"sqlx": "info"}});
    service.put("_logger", put).await.ok_json();
    write("lowered");
    assert!(!log.has("lowered"), "{}", log.text());
}

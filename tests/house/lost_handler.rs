//! A handler without its entry in the link-time slice, as after a faulty link.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use serde_json::json;
use tokio::sync::Semaphore;
use underscore_runtime::__private::{Annotated, Call, HandlerEntry, Response};
use underscore_runtime::AdminBuilder;

use crate::support::log::LOG;
use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};

static LOST: HandlerEntry =
    HandlerEntry::new("house::lost_handler::lost", file!(), 20, 1).name("lost");
static KEPT: HandlerEntry =
    HandlerEntry::new("house::lost_handler::kept", file!(), 30, 1).name("kept");

static GATE: Semaphore = Semaphore::const_new(0);

enum Lost {}
enum Kept {}

impl Annotated for Lost {
    const ENTRY: &'static HandlerEntry = &LOST;
}

impl Annotated for Kept {
    const ENTRY: &'static HandlerEntry = &KEPT;
}

fn lost(call: Call<Lost, ()>) -> impl Future<Output = Response> {
    call.run(|()| async { "found" })
}

fn waits(call: Call<Lost, ()>) -> impl Future<Output = Response> {
    call.run(|()| async { drop(GATE.acquire().await) })
}

fn kept(call: Call<Kept, ()>) -> impl Future<Output = Response> {
    call.run(|()| async { "kept" })
}

#[tokio::test]
async fn a_lost_handler_is_a_row_from_its_first_request_on_with_one_warning() {
    own_process!();
    LOG.open();
    let app = Router::new()
        .route("/lost", get(lost))
        .route("/waits", get(waits));
    let service = Service::start(app).await;
    let warnings = || {
        let lines = LOG.lines();
        let of_it = |line: &&String| {
            line.starts_with("WARN underscore ") && line.contains("house::lost_handler::lost")
        };
        lines.iter().filter(of_it).cloned().collect::<Vec<_>>()
    };
    assert_eq!(service.admin("_cat/routes/lost").await.status, 404);
    assert!(warnings().is_empty());

    for _ in 0..3 {
        assert_eq!(service.get("/lost").await.text, "found");
    }
    LOG.wait(|lines| lines.iter().any(|line| line.contains("the linker lost")));
    let row = service.wait_for_ends("lost", &[("completed", 3)]).await;
    assert_eq!(row["path"], "/lost");
    let id = row["id"].as_str().expect("a text");
    // Every selector finds it.
    for selector in [
        id,
        "lost",
        "house::lost_handler::lost",
        "house::lost_handler::l*",
    ] {
        assert_eq!(service.route(selector).await["id"], id, "{selector}");
    }
    let all = service
        .admin_json("_cat/routes/_all?format=json&h=id")
        .await;
    let is_it = |row: &&serde_json::Value| row["id"] == id;
    assert_eq!(
        all.as_array()
            .expect("a table")
            .iter()
            .filter(is_it)
            .count(),
        1
    );

    // Settings apply to it.
    let body = json!({"transient": {"preempt.status": 418}});
    service.put("_routes/lost/settings", body).await.ok_json();
    assert_eq!(service.get("/lost").await.status, 418);
    let body = json!({"transient": {"preempt": null}});
    service
        .put(&format!("_routes/{id}/settings"), body)
        .await
        .ok_json();
    assert_eq!(service.get("/lost").await.status, 200);

    // A second mount is another row, and its requests are tasks that can be interrupted.
    let client = tokio::spawn(service.request(reqwest::Method::GET, "/waits").send());
    let deadline = Instant::now() + PATIENCE;
    while service.tasks("lost").await.is_empty() {
        assert!(Instant::now() < deadline, "it never begins");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let rows = service
        .admin_json(&format!("_cat/routes/{id}?format=json"))
        .await;
    assert_eq!(rows.as_array().map(Vec::len), Some(2), "{rows:#}");
    let report = service
        .post(&format!("_routes/{id}/interrupt"))
        .await
        .ok_json();
    assert_eq!(report["interrupted"], 1, "{report:#}");
    let answer = client.await.expect("the client ran").expect("an answer");
    assert_eq!(answer.status(), 503);
    assert_eq!(warnings().len(), 1, "{:#?}", warnings());
}

#[tokio::test]
async fn the_settings_file_applies_to_a_lost_handler_soon_after_its_first_request() {
    own_process!();
    crate::support::narrow_umask();
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("settings.json");
    let text = json!({"house::lost_handler::kept": {"persistent": {"preempt": {"status": 418}}}});
    std::fs::write(&file, text.to_string()).expect("written");
    let app = Router::new().route("/kept", get(kept));
    let service = Service::start_with(app, &AdminBuilder::new().settings_file(&file)).await;
    let deadline = Instant::now() + PATIENCE;
    while service.get("/kept").await.status != 418 {
        assert!(Instant::now() < deadline, "never");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let row = service.admin_json("_routes/kept/settings").await;
    let set = row.as_object().expect("an object").values().next();
    assert_eq!(set.expect("one")["persistent"]["preempt"]["status"], 418);
}

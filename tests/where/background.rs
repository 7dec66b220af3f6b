//! Work outside of requests: what `track` and `spawn` show of a future, which request it belongs
//! to, and how it ends.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use underscore_runtime::{spawn, track, underscore_frame, underscore_route};

use crate::support::futures::caught;
use crate::support::process::own_process;
use crate::support::{PATIENCE, PanicsWhenDropped, Service};

static NEVER: Semaphore = Semaphore::const_new(0);

/// The rows of `_cat/tasks` of this name.
async fn named(service: &Service, name: &str) -> Vec<Value> {
    service.tasks(name).await
}

/// Waits until there are `count` tasks of this name, all of which wait.
async fn waiting(service: &Service, name: &str, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tasks = named(service, name).await;
        if tasks.len() == count && tasks.iter().all(|task| task["state"] == "waiting") {
            return tasks;
        }
        assert!(Instant::now() < deadline, "never {count}: {tasks:#?}");
        tokio::task::yield_now().await;
    }
}

fn id(task: &Value) -> u64 {
    task["id"].as_u64().expect("a number")
}

#[underscore_frame]
async fn refresh() {
    NEVER.acquire().await.expect("never closed").forget();
}

/// Holds 1.4, 3.46 of docs/admin-api.md.
#[tokio::test]
async fn tracked_work_is_listed_with_its_name_its_type_and_the_line_it_waits_on() {
    let service = Service::start(Router::new()).await;
    let handle = spawn("refresh the cache", refresh());
    let task = &waiting(&service, "refresh the cache", 1).await[0];
    assert_eq!(task["type"], "background");
    assert_eq!(task["awaiting"], "NEVER.acquire()");
    assert_eq!(task["cancellable"], true);
    for unknown in [
        "route_id",
        "parent_task_id",
        "method",
        "path",
        "uri",
        "remote",
    ] {
        assert_eq!(task[unknown], Value::Null, "{unknown}");
    }
    let coro = task["coro"].as_str().expect("a type");
    assert!(coro.contains("refresh"), "{coro}");
    let row = service
        .admin("_cat/stacks?h=count,route_id,path,stack")
        .await;
    let expected = format!(
        " - - {} NEVER.acquire()",
        task["where"].as_str().expect("a place")
    );
    // Tasks of other tests may widen the columns and wait at the same line.
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_listed = row
        .text
        .lines()
        .any(|line| words(line).ends_with(&expected));
    assert!(is_listed, "{}", row.text);

    let report = service
        .post(&format!("_tasks/{}/_cancel?reason=enough", id(task)))
        .await
        .ok_json();
    assert_eq!(report["tasks"][id(task).to_string()], "interrupted");
    let interrupted = handle.await.expect("no panic").expect_err("interrupted");
    assert_eq!(interrupted.reason(), "enough");
    assert_eq!(interrupted.to_string(), "interrupted: enough");
    assert!(named(&service, "refresh the cache").await.is_empty());
}

#[tokio::test]
async fn work_returns_its_output_and_is_unlisted() {
    let service = Service::start(Router::new()).await;
    let name = String::from("a name made at run time");
    assert_eq!(track(name, async { 7 }).await, Ok(7));
    assert_eq!(spawn("done", async { 8 }).await.expect("no panic"), Ok(8));
    assert!(named(&service, "done").await.is_empty());
    assert!(named(&service, "a name made at run time").await.is_empty());
}

#[tokio::test]
async fn work_that_is_dropped_or_panics_is_unlisted() {
    let service = Service::start(Router::new()).await;
    let kept = track("kept", refresh());
    assert_eq!(
        named(&service, "kept").await.len(),
        1,
        "listed before its first poll"
    );
    drop(kept);
    assert!(named(&service, "kept").await.is_empty());
    let failed = spawn("fails", async { panic!("on purpose") });
    assert!(failed.await.expect_err("it panics").is_panic());
    assert!(named(&service, "fails").await.is_empty());
    let aborted = spawn("aborted", refresh());
    waiting(&service, "aborted", 1).await;
    aborted.abort();
    assert!(aborted.await.expect_err("aborted").is_cancelled());
    assert!(named(&service, "aborted").await.is_empty());
}

#[tokio::test]
async fn dropping_the_handle_does_not_stop_the_work() {
    let service = Service::start(Router::new()).await;
    drop(spawn("on its own", refresh()));
    let task = &waiting(&service, "on its own", 1).await[0];
    let path = format!("_tasks/{}/_cancel", id(task));
    assert_eq!(service.post(&path).await.ok_json()["interrupted"], 1);
}

#[tokio::test]
async fn an_interrupt_drops_what_the_work_holds_and_a_panic_in_that_is_survived() {
    let service = Service::start(Router::new()).await;
    let permits = Arc::new(Semaphore::new(1));
    let held = Arc::clone(&permits).try_acquire_owned().expect("free");
    let handle = spawn("holds a permit", async move {
        let _held = held;
        refresh().await;
    });
    let task = &waiting(&service, "holds a permit", 1).await[0];
    service.post(&format!("_tasks/{}/_cancel", id(task))).await;
    assert_eq!(
        permits.available_permits(),
        1,
        "released when the answer came"
    );
    assert!(handle.await.expect("no panic").is_err());

    let bomb = PanicsWhenDropped;
    let handle = spawn("panics when dropped", async move {
        let _bomb = bomb;
        refresh().await;
    });
    let task = &waiting(&service, "panics when dropped", 1).await[0];
    service.post(&format!("_tasks/{}/_cancel", id(task))).await;
    assert!(handle.await.expect_err("it panics").is_panic());
    assert!(named(&service, "panics when dropped").await.is_empty());
}

#[tokio::test]
async fn work_outside_of_requests_has_children_too() {
    let service = Service::start(Router::new()).await;
    // Not `refresh`, whose await another test counts.
    drop(spawn("at the start", async {
        drop(spawn("a step of it", std::future::pending::<()>()));
        std::future::pending::<()>().await;
    }));
    let root = id(&waiting(&service, "at the start", 1).await[0]);
    let step = &waiting(&service, "a step of it", 1).await[0];
    assert_eq!(step["parent_task_id"], root);
    let path = format!("_tasks/{root}/_cancel?children=true");
    assert_eq!(service.post(&path).await.ok_json()["interrupted"], 2);
}

#[underscore_route(name = "parent")]
async fn parent() -> &'static str {
    drop(spawn("spawned", async {
        track("inner", refresh()).await.expect("not it alone");
    }));
    match track("inline", refresh()).await {
        Ok(()) => "done",
        Err(_) => "interrupted inside",
    }
}

/// Sends a request to `parent` and waits for it and its children, whose ids it returns.
async fn family(service: &Service) -> (Request, [u64; 4]) {
    let client = tokio::spawn(service.request(Method::GET, "/parent").send());
    let mut ids = [0; 4];
    for (id, name) in ids.iter_mut().zip(["parent", "inline", "spawned", "inner"]) {
        *id = self::id(&waiting(service, name, 1).await[0]);
    }
    (client, ids)
}

type Request = tokio::task::JoinHandle<reqwest::Result<reqwest::Response>>;

async fn answer(client: Request) -> (u16, String) {
    let response = client.await.expect("no panic").expect("an answer");
    let status = response.status().as_u16();
    (status, response.text().await.expect("a body"))
}

/// Holds 3.47, 4.48, 7.4, 7.7 of docs/admin-api.md.
#[tokio::test]
async fn work_begun_in_a_request_carries_its_parent_and_its_route() {
    let _one = ONE_AT_A_TIME.lock().await;
    let service = Service::start(Router::new().route("/parent", get(parent))).await;
    let (client, [request, inline, spawned, inner]) = family(&service).await;
    let route = service.route("parent").await["id"].clone();
    for (name, parent) in [
        ("inline", request),
        ("spawned", request),
        ("inner", spawned),
    ] {
        let task = &named(&service, name).await[0];
        assert_eq!(task["parent_task_id"], parent, "{name}");
        assert_eq!(task["route_id"], route, "{name}");
        assert_eq!(task["path"], "/parent", "{name}");
        assert_eq!(task["type"], "background", "{name}");
        assert!(
            task["remote"]
                .as_str()
                .is_some_and(|it| it.starts_with("127.0.0.1"))
        );
    }
    assert_eq!(
        service.route("parent").await["stats.req.active"],
        1,
        "requests are counted"
    );

    let grouped = service
        .admin_json("_tasks?group_by=parents&routes=parent")
        .await;
    let tree = &grouped["tasks"][request.to_string()];
    let children: Vec<u64> = tree["children"]
        .as_array()
        .expect("a list")
        .iter()
        .map(id)
        .collect();
    assert_eq!(children, [spawned, inline], "the oldest first: {grouped:#}");
    assert_eq!(tree["children"][0]["children"][0]["id"], inner);
    assert_eq!(
        grouped["tasks"].as_object().map(serde_json::Map::len),
        Some(1)
    );

    let printed = service
        .admin(&format!("_tasks/{request}/print_stack"))
        .await
        .text;
    let began: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("  began "))
        .collect();
    assert_eq!(began.len(), 2, "{printed}");
    assert!(began[0].starts_with(&format!("  began task {spawned}  spawned  waiting ")));

    // The future that it awaits ends with it, a spawned one does not.
    assert_eq!(
        service.post("_routes/parent/interrupt").await.ok_json()["interrupted"],
        1
    );
    assert_eq!(answer(client).await.0, 503);
    assert!(named(&service, "inline").await.is_empty());
    let orphan = &named(&service, "spawned").await[0];
    assert_eq!(orphan["parent_task_id"], request, "an id stays what it was");
    assert_eq!(orphan["path"], "/parent");
    let path = format!("_tasks/{spawned}/_cancel?children=true");
    assert_eq!(service.post(&path).await.ok_json()["acknowledged"], true);
    service.wait_for("parent", "stats.req.active", 0).await;
    assert!(named(&service, "inner").await.is_empty());
}

#[underscore_route(name = "catching")]
async fn catching() -> &'static str {
    let panics = async {
        tokio::task::yield_now().await;
        panic!("inside")
    };
    let inner = caught(track("panicking", panics)).await;
    assert!(inner.is_none(), "it panics");
    let _ = track("after a panic", refresh()).await;
    "interrupted inside"
}

#[tokio::test]
async fn a_request_continues_after_work_within_it_has_panicked() {
    own_process!();
    let _one = ONE_AT_A_TIME.lock().await;
    let service = Service::start(Router::new().route("/catching", get(catching))).await;
    let client = tokio::spawn(service.request(Method::GET, "/catching").send());
    let after = waiting(&service, "after a panic", 1).await.remove(0);
    let request = named(&service, "catching").await.remove(0);
    assert_eq!(request["awaiting"], "track(\"after a panic\", refresh())");
    assert_eq!(after["parent_task_id"], request["id"]);
    assert_eq!(after["awaiting"], "NEVER.acquire()");
    assert!(named(&service, "panicking").await.is_empty());
    // It waits shortly before its thread is seen to have left the poll.
    let deadline = Instant::now() + PATIENCE;
    let idle = |worker: &Value| worker["task_id"] == Value::Null;
    loop {
        let workers = service.admin_json("_cat/workers?format=json").await;
        if workers.as_array().expect("a table").iter().all(idle) {
            break;
        }
        assert!(Instant::now() < deadline, "{workers:#}");
    }
    let path = format!("_tasks/{}/_cancel", after["id"]);
    assert_eq!(service.post(&path).await.ok_json()["acknowledged"], true);
    assert_eq!(answer(client).await, (200, "interrupted inside".to_owned()));
}

/// Holds 4.48 of docs/admin-api.md.
#[tokio::test]
async fn children_are_interrupted_with_their_parent_on_request() {
    let _one = ONE_AT_A_TIME.lock().await;
    let service = Service::start(Router::new().route("/parent", get(parent))).await;
    let (client, ids) = family(&service).await;
    let report = service
        .post("_routes/parent/interrupt?children=true")
        .await
        .ok_json();
    let told = report["tasks"].as_object().expect("an object");
    assert_eq!(told.len(), 4, "{report:#}");
    assert!(ids.iter().all(|id| told.contains_key(&id.to_string())));
    assert_eq!(report["still_running"], 0);
    assert_eq!(answer(client).await.0, 503);
    for name in ["inline", "spawned", "inner"] {
        assert!(named(&service, name).await.is_empty(), "{name}");
    }
}

/// Holds 4.49 of docs/admin-api.md.
#[tokio::test]
async fn a_part_of_a_request_can_be_interrupted_alone() {
    let _one = ONE_AT_A_TIME.lock().await;
    let service = Service::start(Router::new().route("/parent", get(parent))).await;
    let (client, [_, inline, spawned, _]) = family(&service).await;
    let report = service
        .post(&format!("_tasks/{inline}/_cancel"))
        .await
        .ok_json();
    assert_eq!(report["tasks"], json!({inline.to_string(): "interrupted"}));
    assert_eq!(answer(client).await, (200, "interrupted inside".to_owned()));
    service
        .post(&format!("_tasks/{spawned}/_cancel?children"))
        .await;
}

/// Serialises the tests of `parent`, which read all tasks of its name.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn a_chain_of_successors_keeps_no_record_of_those_before() {
    fn link(left: u32, ended: Arc<Mutex<u32>>) -> tokio::task::JoinHandle<()> {
        let work = async move {
            *ended.lock().expect("whole") += 1;
            if left > 0 {
                drop(link(left - 1, ended));
            }
        };
        let work = spawn("link", work);
        tokio::spawn(async move { drop(work.await) })
    }
    let ended = Arc::new(Mutex::new(0));
    drop(link(5_000, Arc::clone(&ended)));
    let deadline = Instant::now() + PATIENCE;
    // If each link held its predecessor, the end of the last one would unwind five thousand.
    while *ended.lock().expect("whole") < 5_001 {
        assert!(Instant::now() < deadline, "never the last");
        tokio::task::yield_now().await;
    }
}

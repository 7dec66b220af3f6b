//! An interrupt with its children: work of an ended request, requests within requests, blocking
//! calls; and the response to the clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::ServiceExt;
use underscore_runtime::{spawn, spawn_blocking, underscore_route};

use crate::support::gate::Gate;
use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};

static NEVER: Semaphore = Semaphore::const_new(0);

async fn forever() {
    NEVER.acquire().await.expect("never closed").forget();
}

/// Waits until a task of this name has this state and returns its row.
async fn wait_for_task(service: &Service, name: &str, state: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tasks = service.tasks(name).await;
        if let Some(task) = tasks.iter().find(|task| task["state"] == state) {
            return task.clone();
        }
        assert!(
            Instant::now() < deadline,
            "no {name} is {state}: {tasks:#?}"
        );
        tokio::task::yield_now().await;
    }
}

#[underscore_route(name = "hangs")]
async fn hangs() {
    forever().await;
}

/// Holds 4.75, 4.76 of docs/admin-api.md.
#[tokio::test]
async fn clients_get_the_status_that_is_set_when_their_requests_are_interrupted() {
    let service = Service::start(Router::new().route("/", get(hangs))).await;
    let interrupted = async |set: Option<Value>, call: &str| {
        let client = tokio::spawn(service.request(Method::GET, "/").send());
        service.wait_for_waiting("hangs", 1).await;
        if let Some(set) = set {
            let body = json!({"transient": {"interrupt.status": set}});
            service.put("_routes/hangs/settings", body).await.ok_json();
        }
        service.post(call).await.ok_json();
        let answer = client.await.expect("no panic").expect("an answer");
        answer.status().as_u16()
    };
    let route = "_routes/hangs/interrupt";
    assert_eq!(interrupted(None, route).await, 503);
    assert_eq!(
        interrupted(Some(json!(500)), route).await,
        500,
        "set while it hung"
    );
    let call = "_routes/hangs/interrupt?status=409";
    assert_eq!(
        interrupted(None, call).await,
        409,
        "what the call says comes first"
    );
    let call = "_tasks/_cancel?routes=hangs&status=410";
    assert_eq!(interrupted(None, call).await, 410);
    assert_eq!(
        interrupted(Some(Value::Null), route).await,
        503,
        "reset while it hung"
    );
    for bad in ["100", "199", "600", "", "teapot", "-1", "4.5"] {
        let answer = service.post(&format!("{route}?status={bad}")).await;
        let (kind, reason) = answer.error();
        assert_eq!((answer.status, &*kind), (400, "illegal_argument_exception"));
        let expected = format!("parameter [status] must be a status from 200 to 599, not [{bad}]");
        assert_eq!(reason, expected);
    }
}

#[underscore_route(name = "leaves_work")]
async fn leaves_work() {
    spawn("left behind", forever());
}

/// Holds 4.77 of docs/admin-api.md.
#[tokio::test]
async fn an_interrupt_with_children_ends_work_whose_request_has_ended() {
    let service = Service::start(Router::new().route("/", get(leaves_work))).await;
    assert_eq!(service.get("/").await.status, 200);
    let work = wait_for_task(&service, "left behind", "waiting").await;
    service
        .wait_for_ends("leaves_work", &[("completed", 1)])
        .await;
    let path = "_routes/leaves_work/interrupt";
    let without = service.post(path).await.ok_json();
    assert_eq!(without["tasks"], json!({}), "{without:#}");
    let dry = service
        .post(&format!("{path}?children&dry_run"))
        .await
        .ok_json();
    assert_eq!(dry["would_hit"]["tasks"], 1, "{dry:#}");
    let report = service.post(&format!("{path}?children")).await.ok_json();
    assert_eq!(
        report["tasks"][work["id"].to_string()],
        "interrupted",
        "{report:#}"
    );
    assert!(service.tasks("left behind").await.is_empty());
}

#[underscore_route(name = "inside")]
async fn inside() -> StatusCode {
    forever().await;
    StatusCode::OK
}

#[underscore_route(name = "around")]
async fn around() -> StatusCode {
    let router: Router = Router::new().route("/inside", get(inside));
    let request = Request::get("/inside")
        .body(Body::empty())
        .expect("a request");
    let response = router.oneshot(request).await;
    response.expect("infallible").status()
}

/// Holds 4.78 of docs/admin-api.md.
#[tokio::test]
async fn a_request_that_is_made_in_a_request_is_its_child() {
    let service = Service::start(Router::new().route("/", get(around))).await;
    let client = tokio::spawn(service.request(Method::GET, "/").send());
    let inner = wait_for_task(&service, "inside", "waiting").await;
    let outer = wait_for_task(&service, "around", "waiting").await;
    assert_eq!(inner["parent_task_id"], outer["id"]);
    assert_eq!(outer["parent_task_id"], Value::Null);
    let (outer, inner) = (outer["id"].to_string(), inner["id"].to_string());
    let printed = service
        .admin(&format!("_tasks/{outer}/print_stack"))
        .await
        .text;
    assert!(printed.contains(&format!("task {inner}")), "{printed}");
    let tree = service.admin_json("_tasks?group_by=parents").await;
    assert_eq!(
        tree["tasks"][&outer]["children"][0]["id"].to_string(),
        inner,
        "{tree:#}"
    );

    // Interrupted alone, its response is that of the outer request.
    let report = service
        .post(&format!("_tasks/{inner}/_cancel"))
        .await
        .ok_json();
    assert_eq!(report["tasks"], json!({&inner: "interrupted"}));
    let answer = client.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), 503);

    let client = tokio::spawn(service.request(Method::GET, "/").send());
    wait_for_task(&service, "inside", "waiting").await;
    let report = service
        .post("_routes/around/interrupt?children")
        .await
        .ok_json();
    assert_eq!(
        report["tasks"].as_object().map(serde_json::Map::len),
        Some(2),
        "{report:#}"
    );
    assert_eq!(report["still_running"], 0, "{report:#}");
    client.await.expect("no panic").expect("an answer");
    service.wait_for("inside", "stats.req.active", 0).await;
}

/// Records its drop.
struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

static IMPORTS: Gate = Gate::new();

#[underscore_route(name = "imports")]
async fn imports() -> String {
    let imported = spawn_blocking("import", || {
        IMPORTS.wait();
        "imported"
    });
    match imported.await {
        Ok(Ok(done)) => done.to_owned(),
        Ok(Err(interrupted)) => interrupted.reason().to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Holds 4.79, 4.80 of docs/admin-api.md.
#[tokio::test]
async fn calls_on_blocking_threads_are_listed_and_end_while_they_are_queued() {
    own_process!();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .expect("threads can be had");
    let app = Router::new().route("/", get(imports));
    let service = runtime.spawn(Service::start(app)).await.expect("it starts");
    let first = tokio::spawn(service.request(Method::GET, "/").send());
    let running = wait_for_task(&service, "import", "running").await;
    let second = tokio::spawn(service.request(Method::GET, "/").send());
    let queued = wait_for_task(&service, "import", "queued").await;

    assert_eq!(running["type"], "background");
    assert_eq!(running["cancellable"], false);
    assert_eq!(running["thread"], "tokio-rt-worker");
    assert_eq!(running["waiting_time"], Value::Null);
    assert_eq!(running["path"], "/");
    assert_eq!(queued["cancellable"], true);
    assert_eq!(queued["thread"], Value::Null);
    assert_eq!(
        queued["waiting_time"], queued["running_time"],
        "it waits for a thread"
    );
    let requests = service.tasks("imports").await;
    let of_request = |task: &Value| {
        let is_parent = |request: &&Value| request["id"] == task["parent_task_id"];
        requests.iter().find(is_parent).expect("its parent").clone()
    };
    assert_ne!(of_request(&running)["id"], of_request(&queued)["id"]);
    assert_eq!(
        service.admin("_cat/tasks?state=queued&h=name").await.text,
        "import\n"
    );
    let metrics = service.admin("_metrics").await.text;
    let series = "underscore_tasks{type=\"background\",state=\"queued\"} 1\n";
    assert!(metrics.contains(series), "{metrics}");

    let cancel = |id: &Value| format!("_tasks/{id}/_cancel?timeout=50ms&reason=enough");
    let report = service.post(&cancel(&running["id"])).await.ok_json();
    assert_eq!(report["tasks"][running["id"].to_string()], "stuck_in_poll");
    let path = format!("_tasks/{}/_cancel?reason=enough", queued["id"]);
    let report = service.post(&path).await.ok_json();
    assert_eq!(report["tasks"][queued["id"].to_string()], "interrupted");

    IMPORTS.open();
    let texts = async |client: tokio::task::JoinHandle<Result<reqwest::Response, _>>| {
        let answer = client.await.expect("no panic").expect("an answer");
        answer.text().await.expect("a text")
    };
    assert_eq!(texts(first).await, "imported", "what runs comes to its end");
    assert_eq!(texts(second).await, "enough");
    assert!(service.tasks("import").await.is_empty());
    drop(service);
    runtime.shutdown_background();
}

static FIRST: Gate = Gate::new();
static SECOND: Gate = Gate::new();

/// Holds 4.44, 4.79 of docs/admin-api.md.
#[tokio::test]
async fn a_call_that_never_runs_leaves_no_task_and_holds_nothing() {
    own_process!();
    let service = Service::start(Router::new()).await;
    let begin = |name: &'static str, gate: &'static Gate| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(1)
            .build()
            .expect("threads can be had");
        let dropped = Arc::new(AtomicBool::new(false));
        let flag = Flag(Arc::clone(&dropped));
        let inside = runtime.enter();
        tokio::task::spawn_blocking(|| gate.wait());
        let handle = spawn_blocking(name, move || drop(flag));
        drop(inside);
        (runtime, handle, dropped)
    };

    let (runtime, _handle, dropped) = begin("interrupted call", &FIRST);
    let queued = wait_for_task(&service, "interrupted call", "queued").await;
    let path = format!("_tasks/{}/_cancel", queued["id"]);
    let report = service.post(&path).await.ok_json();
    assert_eq!(report["tasks"][queued["id"].to_string()], "interrupted");
    assert!(dropped.load(Ordering::Relaxed), "what it held is free");
    FIRST.open();
    runtime.shutdown_background();

    let (runtime, _handle, dropped) = begin("left call", &SECOND);
    wait_for_task(&service, "left call", "queued").await;
    runtime.shutdown_background();
    SECOND.open();
    let deadline = Instant::now() + PATIENCE;
    while !service.tasks("left call").await.is_empty() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(dropped.load(Ordering::Relaxed));

    // A panic ends a task, too.
    let handle = spawn_blocking("panicking call", || panic!("inside"));
    assert!(handle.await.expect_err("it panics").is_panic());
    assert!(service.tasks("panicking call").await.is_empty());
}

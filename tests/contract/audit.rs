//! Audit records of single calls: who changed what, and the answer. The table itself and its
//! retention are in `audit_table.rs`, a blocked log in `liveness/log_blocks.rs`.

use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tower::ServiceExt;
use underscore_runtime::{admin_router, underscore_route};

use crate::support::log::LOG;
use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};

#[underscore_route(name = "watched")]
async fn watched() {
    std::future::pending::<()>().await;
}

async fn service() -> Service {
    Service::start(Router::new().route("/", get(watched))).await
}

/// All records with all columns, newest first.
async fn records(service: &Service) -> Vec<Value> {
    let rows = service.admin_json("_cat/audit?format=json&h=*").await;
    rows.as_array().expect("a table").clone()
}

/// The newest record.
async fn newest(service: &Service) -> Value {
    records(service).await.first().expect("a record").clone()
}

/// The records that are newer than `mark`.
async fn since(service: &Service, mark: &Value) -> Vec<Value> {
    let newer = |row: &Value| row != mark;
    records(service)
        .await
        .into_iter()
        .take_while(newer)
        .collect()
}

/// Makes a record, as the start for `since`.
async fn mark(service: &Service) -> Value {
    let refused = service.post("_tasks/no_number/_cancel").await;
    assert_eq!(refused.status, 400);
    newest(service).await
}

async fn put(service: &Service, target: &str, transient: Value) -> u16 {
    let body = json!({"transient": transient});
    let path = format!("_routes/{target}/settings");
    service.put(&path, body).await.status
}

/// Holds 1.7, 1.8, 7.18, 7.19 of docs/admin-api.md.
#[tokio::test]
async fn a_change_of_settings_is_recorded_with_its_author_and_the_values_before_and_after() {
    own_process!();
    let service = service().await;
    let id = service.route("watched").await["id"].clone();
    let id = id.as_str().expect("an id");
    let shown = |settings: Value| json!({id: {"transient": settings}}).to_string();
    assert_eq!(
        put(&service, "watched", json!({"preempt": null})).await,
        200
    );
    let row = newest(&service).await;
    assert_eq!(
        (&row["before"], &row["after"]),
        (&json!(shown(json!({}))), &json!(shown(json!({}))))
    );

    let begun = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    assert_eq!(
        put(&service, "watched", json!({"preempt.status": 503})).await,
        200
    );
    let row = newest(&service).await;
    let own = std::fs::metadata(service.directory.path()).expect("it is there");
    let time = row["time"].as_u64().expect("a number");
    assert!(u128::from(time) >= begun.as_millis(), "{row:#}");
    let timestamp = row["timestamp"].as_str().expect("a text");
    assert!(
        timestamp.starts_with("20") && timestamp.ends_with('Z'),
        "{timestamp}"
    );
    assert_eq!(timestamp.len(), "2026-11-23T11:08:04.999Z".len());
    let expected = json!({
        "timestamp": timestamp,
        "time": time,
        "uid": own.uid(),
        "gid": own.gid(),
        "pid": std::process::id(),
        "process": process_name(),
        "action": "settings",
        "target": "watched",
        "before": shown(json!({})),
        "after": shown(json!({"preempt": {"status": 503}})),
        "reason": null,
        "status": 200,
        "seq": row["seq"].as_u64().expect("a number"),
    });
    assert_eq!(row, expected);
    let all = service.admin_json("_audit").await;
    assert_eq!(all["audit"][0], expected, "the same as a structure");
    assert_eq!(all["audit"][1]["target"], "watched");

    assert_eq!(
        put(&service, "watched", json!({"preempt": null})).await,
        200
    );
    let row = newest(&service).await;
    assert_eq!(row["before"], expected["after"]);
    assert_eq!(row["after"], expected["before"]);
}

/// Name of this process, `None` if the system does not report it.
fn process_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/self/comm").ok()?;
    Some(name.trim_end_matches('\n').to_owned())
}

/// Holds 1.19, 7.20 of docs/admin-api.md.
#[tokio::test]
async fn an_interrupt_and_a_cancel_have_their_target_and_reason() {
    own_process!();
    let service = service().await;
    let before = mark(&service).await;
    for path in [
        "_routes/watched,-nothing*/interrupt?reason=no+permits%1b&timeout=5s",
        "_routes/watched/_interrupt?reason=",
        "_tasks/_cancel?routes=watched&children&older_than=5s",
        "_tasks/_all/cancel?state=streaming&reason=slow",
    ] {
        service.post(path).await.ok_json();
    }
    let rows = since(&service, &before).await;
    let shown: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!([
                row["action"],
                row["target"],
                row["reason"],
                row["before"],
                row["status"]
            ])
        })
        .collect();
    let expected = [
        json!(["cancel", "_all?state=streaming", "slow", null, 200]),
        json!(["cancel", "?routes=watched&older_than=5s", null, null, 200]),
        json!(["interrupt", "watched", null, null, 200]),
        json!([
            "interrupt",
            "watched,-nothing*",
            "no permits\u{1b}",
            null,
            200
        ]),
    ];
    assert_eq!(shown, expected);
    assert!(rows.iter().all(|row| row["after"].is_null()));
    assert!(rows.iter().all(|row| row["pid"] == std::process::id()));
}

/// Holds 6.19, 7.16 of docs/admin-api.md.
#[tokio::test]
async fn a_refused_call_is_recorded_with_the_status_of_its_refusal() {
    own_process!();
    let service = service().await;
    let before = mark(&service).await;
    assert_eq!(
        put(&service, "nobody", json!({"preempt.status": 503})).await,
        404
    );
    assert_eq!(
        put(&service, "watched", json!({"preempt.statu": 503})).await,
        400
    );
    let unknown = service.post("_routes/watched/interrupt?raeson=why").await;
    assert_eq!(unknown.status, 400);
    assert_eq!(service.post("_tasks/_cancel").await.status, 400);
    assert_eq!(
        service
            .post("_tasks/999999999/_cancel?reason=why")
            .await
            .status,
        404
    );
    let request = service.admin_builder(Method::PUT, "_routes/watched/settings");
    let form = request.header("content-type", "text/plain").body("{}");
    assert_eq!(form.send().await.expect("an answer").status(), 415);
    let request = service.admin_builder(Method::POST, "_routes/%ff/interrupt");
    assert_eq!(request.send().await.expect("an answer").status(), 400);

    let rows = since(&service, &before).await;
    let shown: Vec<Value> = rows
        .iter()
        .map(|row| json!([row["action"], row["target"], row["reason"], row["status"]]))
        .collect();
    let expected = [
        json!(["interrupt", "/_routes/%ff/interrupt", null, 400]),
        json!(["settings", "watched", null, 415]),
        json!(["cancel", "999999999", "why", 404]),
        json!(["cancel", null, null, 400]),
        json!(["interrupt", "watched", null, 400]),
        json!(["settings", "watched", null, 400]),
        json!(["settings", "nobody", null, 404]),
    ];
    assert_eq!(shown, expected);
    let unchanged = |row: &Value| row["before"].is_null() && row["after"].is_null();
    assert!(rows.iter().all(unchanged), "{rows:#?}");
}

/// Holds 7.17 of docs/admin-api.md.
#[tokio::test]
async fn reads_and_unknown_calls_leave_no_record() {
    own_process!();
    let service = service().await;
    let before = mark(&service).await;
    for path in [
        "",
        "_cat",
        "_cat/routes",
        "_cat/tasks?h=nonsense",
        "_cat/audit",
        "_audit",
        "_routes",
        "_routes/watched/settings",
        "_tasks",
        "_metrics",
    ] {
        service.admin(path).await;
        service.admin_request(Method::HEAD, path, None).await;
    }
    let wrong = [
        (Method::GET, "_tasks/_cancel", 405),
        (Method::PUT, "_routes/settings", 405),
        (Method::DELETE, "_routes/watched/settings", 405),
        (Method::OPTIONS, "_routes/watched/settings", 200),
        (Method::POST, "_routes/watched/interupt", 404),
    ];
    for (method, path, status) in wrong {
        let answer = service.admin_request(method, path, None).await;
        assert_eq!(answer.status, status, "{path}");
    }
    assert_eq!(since(&service, &before).await, Vec::<Value>::new());
}

/// Set to let `deaf` return.
static GO_ON: AtomicBool = AtomicBool::new(false);

#[underscore_route(name = "deaf")]
async fn deaf() {
    while !GO_ON.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Holds 7.21 of docs/admin-api.md.
#[tokio::test]
async fn a_call_whose_client_left_is_recorded_without_a_status() {
    own_process!();
    let service = Service::start_on_workers(2, Router::new().route("/", get(deaf))).await;
    let before = mark(&service).await;
    let stuck = tokio::spawn(service.request(Method::GET, "/").send());
    service.wait_for("deaf", "stats.req.active", 1).await;
    let socket = service.directory.path().join("app.sock");
    let mut client = UnixStream::connect(socket).await.expect("it listens");
    let call = b"POST /_routes/deaf/interrupt?timeout=1h HTTP/1.1\r\nhost: .\r\n\r\n";
    client.write_all(call).await.expect("written");
    let deadline = Instant::now() + PATIENCE;
    while service.tasks("deaf").await[0]["cancelling"] != true {
        assert!(Instant::now() < deadline, "it is never told to end");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(since(&service, &before).await.is_empty(), "it is not over");
    drop(client);
    while since(&service, &before).await.is_empty() {
        assert!(Instant::now() < deadline, "it is never recorded");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let row = newest(&service).await;
    assert_eq!(
        (&row["action"], &row["target"]),
        (&json!("interrupt"), &json!("deaf"))
    );
    assert_eq!(row["status"], json!(null), "{row:#}");
    GO_ON.store(true, Ordering::Relaxed);
    let _ = stuck.await;
}

/// Holds 7.23 of docs/admin-api.md.
#[tokio::test]
async fn each_record_is_an_event_of_the_hosts_log() {
    own_process!();
    LOG.open();
    let service = service().await;
    service
        .post("_routes/logged_nowhere/interrupt?reason=a%0ab")
        .await;
    assert_eq!(
        put(&service, "watched", json!({"preempt.status": null})).await,
        200
    );
    let of = |lines: &[String], part: &str| -> Vec<String> {
        let audit = lines
            .iter()
            .filter(|line| line.starts_with("INFO underscore::audit "));
        audit.filter(|line| line.contains(part)).cloned().collect()
    };
    let selector = "selector=\"logged_nowhere\"";
    let lines = LOG.wait(|lines| !of(lines, selector).is_empty());
    let lines = of(&lines, selector);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let pid = format!("pid={}", std::process::id());
    for field in [
        "action=\"interrupt\"",
        "status=404",
        "uid=",
        "gid=",
        &pid,
        "reason=\"a\\nb\"",
    ] {
        assert!(lines[0].contains(field), "{field}: {lines:#?}");
    }
    assert!(!lines[0].contains("before="), "{lines:#?}");
    let with_settings = |lines: &[String]| !of(lines, "after=\"{").is_empty();
    LOG.wait(with_settings);
}

/// Holds 3.21, 7.18 of docs/admin-api.md.
#[tokio::test]
async fn a_record_over_a_hosts_own_router_has_no_peer() {
    own_process!();
    let service = service().await;
    let app: Router = Router::new().nest("/ops/{place}", admin_router());
    let request = Request::post("/ops/here/_routes/from_the_host/interrupt");
    let request = request.body(Body::empty()).expect("a request");
    let answer = app.oneshot(request).await.expect("an answer");
    assert_eq!(answer.status(), 404);
    to_bytes(answer.into_body(), 10_000).await.expect("a body");
    let row = newest(&service).await;
    assert_eq!(row["target"], "from_the_host");
    for column in ["uid", "gid", "pid", "process"] {
        assert!(row[column].is_null(), "{row:#}");
    }
    let text = service
        .admin("_cat/audit?size=1&h=uid,gid,pid,process,status")
        .await
        .text;
    assert_eq!(text, "- - - - 404\n");
}

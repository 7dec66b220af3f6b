//! Workers blocked by code without annotations, and the statistics of stalls.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use underscore_runtime::{track, underscore_route};

use crate::support::gate::Gate;
use crate::support::log::LOG;
use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};
use crate::turn;

/// The workers of the service's runtime.
async fn workers(service: &Service) -> Vec<Value> {
    let rows = service.admin_json("_cat/workers?format=json&h=*").await;
    let rows = rows.as_array().expect("a table").clone();
    let of_service = |row: &Value| row["runtime"].as_u64();
    let last = rows.iter().filter_map(of_service).max();
    rows.into_iter()
        .filter(|row| of_service(row) == last)
        .collect()
}

/// Waits until `count` workers of the service are blocked and returns their rows.
async fn wait_for_blocked(service: &Service, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut rows = workers(service).await;
        rows.retain(|row| row["state"] == "blocked");
        if rows.len() == count {
            return rows;
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn metric(service: &Service, series: &str) -> f64 {
    let text = service.admin("_metrics").await.text;
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(series));
    let value = line.unwrap_or_else(|| panic!("{series} in {text}"));
    value.trim().parse().expect("a number")
}

static ASLEEP: Gate = Gate::new();

#[underscore_route(name = "begins_sleepers")]
async fn begins_sleepers() {
    for _ in 0..2 {
        tokio::spawn(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            ASLEEP.wait();
        });
    }
}

/// Holds 3.85, 7.30 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_are_blocked_by_spawned_futures_are_shown_as_blocked() {
    let _turn = turn().await;
    own_process!();
    let app = Router::new().route("/", get(begins_sleepers));
    let service = Service::start_on_workers(2, app).await;
    assert_eq!(service.get("/").await.status, 200);
    let rows = wait_for_blocked(&service, 2).await;
    for row in &rows {
        assert_eq!(row["task_id"], Value::Null, "{row:#}");
        assert_eq!(row["route_id"], Value::Null, "{row:#}");
        assert_eq!(row["where"], Value::Null, "{row:#}");
        let age = row["in_poll_for"].as_f64().expect("an age");
        assert!((0.1..20.0).contains(&age), "{row:#}");
        if cfg!(target_os = "linux") {
            assert_eq!(row["thread"], "tokio-rt-worker", "{row:#}");
            assert_eq!(row["kernel_wait"], "futex", "{row:#}");
        }
    }
    let blocked = metric(&service, "underscore_workers{state=\"blocked\"}").await;
    assert!((blocked - 2.0).abs() < f64::EPSILON, "{blocked}");
    let runtime = format!(" runtime={} ", rows[0]["runtime"]);
    let is_warning =
        |line: &&String| line.contains("code that is not tracked") && line.contains(&runtime);
    LOG.wait(|lines| lines.iter().any(|line| is_warning(&line)));
    ASLEEP.open();
    wait_for_blocked(&service, 0).await;
    let lines = LOG.lines();
    let warnings: Vec<_> = lines.iter().filter(is_warning).collect();
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:#?}");
    };
    for part in ["WARN ", "worker=", "in_poll_for_ms="] {
        assert!(warning.contains(part), "{part} in {warning}");
    }
}

static SPINS: Gate = Gate::new();

#[underscore_route(name = "begins_a_loop")]
async fn begins_a_loop() {
    tokio::spawn(async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        while !SPINS.is_open() {
            std::hint::spin_loop();
        }
    });
}

/// Holds 3.85 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_in_an_endless_loop_is_shown_as_blocked() {
    let _turn = turn().await;
    own_process!();
    let app = Router::new().route("/", get(begins_a_loop));
    let service = Service::start_on_workers(2, app).await;
    assert_eq!(service.get("/").await.status, 200);
    let rows = wait_for_blocked(&service, 1).await;
    let age = rows[0]["in_poll_for"].as_f64().expect("an age");
    assert!(age >= 1.0, "it may be many polls: {age}");
    SPINS.open();
    wait_for_blocked(&service, 0).await;
}

/// Holds 3.85 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_are_only_busy_are_never_shown_as_blocked() {
    let _turn = turn().await;
    own_process!();
    let service = Service::start_on_workers(2, Router::new()).await;
    let until = Instant::now() + Duration::from_millis(1500);
    let busy = (0..4).map(|task| {
        service.spawn_on_workers(async move {
            while Instant::now() < until {
                match task % 2 {
                    0 => std::thread::sleep(Duration::from_millis(7)),
                    _ => {
                        std::hint::black_box((0..100_000_u64).sum::<u64>());
                    }
                }
                tokio::task::yield_now().await;
            }
        })
    });
    let busy: Vec<_> = busy.collect();
    while Instant::now() < until {
        let rows = workers(&service).await;
        assert!(
            rows.iter().all(|row| row["state"] != "blocked"),
            "{rows:#?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for task in busy {
        task.await.expect("no panic");
    }
}

#[underscore_route(name = "login")]
async fn login() {
    std::thread::sleep(Duration::from_millis(200));
}

/// Holds 3.86, 7.31 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalls_are_counted_for_their_route_and_warned_of_at_intervals() {
    let _turn = turn().await;
    own_process!();
    let service = Service::start_on_workers(2, Router::new().route("/login", get(login))).await;
    for _ in 0..6 {
        assert_eq!(service.get("/login").await.status, 200);
    }
    let row = service.wait_for("login", "stats.blocked.count", 6).await;
    let seconds = |column: &str| row[column].as_f64().expect("seconds");
    let total = seconds("stats.blocked.time");
    let longest = seconds("stats.blocked.time_max");
    assert!(total >= 6.0 * 0.1, "{row:#}");
    assert!((0.1..=total).contains(&longest), "{row:#}");
    let id = row["id"].as_str().expect("an id");
    let labels = format!(
        "{{id=\"{id}\",method=\"GET\",path=\"/login\",handler=\"liveness::stalls::login\"}}"
    );
    for (series, expected) in [
        ("underscore_blocked_polls_total", 6.0),
        ("underscore_blocked_poll_seconds_total", total),
        ("underscore_blocked_poll_max_seconds", longest),
    ] {
        let value = metric(&service, &format!("{series}{labels}")).await;
        assert!(
            (value - expected).abs() < 0.1,
            "{series}: {value}, {expected}"
        );
    }
    let is_warning = |line: &&String| {
        line.starts_with("WARN ") && line.contains("handler=\"liveness::stalls::login\"")
    };
    let lines = LOG.wait(|lines| lines.iter().any(|line| is_warning(&line)));
    assert_eq!(lines.iter().filter(is_warning).count(), 1, "{lines:#?}");
}

static HELD: Gate = Gate::new();
static NEVER: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(0);

#[underscore_route(name = "holder")]
async fn holder() {
    struct Held;
    impl Drop for Held {
        fn drop(&mut self) {
            HELD.open();
        }
    }
    let _held = Held;
    NEVER.acquire().await.expect("never closed").forget();
}

#[underscore_route(name = "contender")]
async fn contender() {
    tokio::task::yield_now().await; // the lock is waited for behind this
    HELD.wait();
}

/// Holds 3.87, 4.73 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_without_a_free_worker_is_reported_with_the_blocking_tasks() {
    let _turn = turn().await;
    own_process!();
    let app = Router::new()
        .route("/holder", get(holder))
        .route("/contender", get(contender));
    let service = Service::start_on_workers(2, app).await;
    let held = tokio::spawn(service.request(reqwest::Method::GET, "/holder").send());
    service.wait_for_waiting("holder", 1).await;
    let contenders =
        [(); 2].map(|()| tokio::spawn(service.request(reqwest::Method::GET, "/contender").send()));
    let rows = wait_for_blocked(&service, 2).await;
    let task = &service
        .admin_json("_cat/tasks?format=json&routes=holder&h=*")
        .await[0];
    let (id, runtime) = (task["id"].to_string(), &task["runtime"]);
    assert!(runtime.is_number(), "{task:#}");
    assert!(
        rows.iter().all(|row| row["runtime"] == *runtime),
        "{rows:#?}"
    );
    assert_eq!(task["state"], "waiting");

    let report = service
        .post(&format!("_tasks/{id}/_cancel?timeout=200ms"))
        .await
        .ok_json();
    assert_eq!(report["tasks"][&id], "no_worker_free", "{report:#}");
    assert_eq!(report["still_running"], 1, "{report:#}");
    let blocked_by = report["blocked_by"].as_array().expect("a list");
    assert_eq!(blocked_by.len(), 2, "{report:#}");
    for (worker, row) in blocked_by.iter().zip(&rows) {
        for key in ["worker", "task_id", "where", "thread", "runtime"] {
            assert_eq!(worker[key], row[key], "{key} of {report:#}");
        }
        let id = worker["task_id"].to_string();
        let next = report["next"].as_str().expect("a sentence");
        assert!(next.contains(&id), "{next}");
        assert!(next.contains("GET /_tasks/"), "{next}");
    }
    // A task inside its poll is still reported as such.
    let report = service
        .post("_routes/contender/interrupt?timeout=50ms")
        .await
        .ok_json();
    let states = report["tasks"].as_object().expect("an object");
    assert!(
        states.values().all(|state| state == "stuck_in_poll"),
        "{report:#}"
    );
    assert_eq!(report["next"], Value::Null, "{report:#}");

    HELD.open();
    for client in [held].into_iter().chain(contenders) {
        client.await.expect("no panic").expect("an answer");
    }
    service.wait_for_ends("holder", &[("interrupted", 1)]).await;
}

static INSIDE: Gate = Gate::new();

#[underscore_route(name = "blocks_on")]
async fn blocks_on() {
    tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current().block_on(async {
            while !INSIDE.is_open() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    });
}

/// Holds 3.50 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_inside_block_on_is_not_cancellable() {
    let _turn = turn().await;
    own_process!();
    let service = Service::start_on_workers(2, Router::new().route("/", get(blocks_on))).await;
    let client = tokio::spawn(service.request(reqwest::Method::GET, "/").send());
    service.wait_for("blocks_on", "stats.req.active", 1).await;
    let deadline = Instant::now() + PATIENCE;
    while service.tasks("blocks_on").await[0]["cancellable"] == true {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let report = service
        .post("_routes/blocks_on/interrupt?timeout=50ms")
        .await
        .ok_json();
    let states = report["tasks"].as_object().expect("an object");
    assert!(
        states.values().all(|state| state == "stuck_in_poll"),
        "{report:#}"
    );
    INSIDE.open();
    client.await.expect("no panic").expect("an answer");
}

#[underscore_route(name = "keeps")]
async fn keeps() {
    let mut kept = Box::pin(track("kept", NEVER.acquire()));
    // Polled only once.
    std::future::poll_fn(|cx| {
        assert!(kept.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    NEVER.acquire().await.expect("never closed").forget();
}

/// Holds 4.74 of docs/admin-api.md.
#[tokio::test]
async fn a_task_that_is_not_polled_is_reported_as_cancelling() {
    let _turn = turn().await;
    own_process!();
    let service = Service::start(Router::new().route("/", get(keeps))).await;
    let client = tokio::spawn(service.request(reqwest::Method::GET, "/").send());
    service.wait_for_waiting("keeps", 1).await;
    let rows = service.admin_json("_cat/tasks?format=json&h=id,name").await;
    let mut rows = rows.as_array().expect("a table").iter();
    let id = &rows
        .find(|row| row["name"] == "kept")
        .expect("it is listed")["id"];
    let path = format!("_tasks/{id}/_cancel?timeout=20ms");
    let report = service.post(&path).await.ok_json();
    assert_eq!(report["tasks"][id.to_string()], "cancelling", "{report:#}");
    assert_eq!(report["still_running"], 1, "{report:#}");
    service.post("_routes/keeps/interrupt").await.ok_json();
    client.await.expect("no panic").expect("an answer");
}

static OUTSIDE: Gate = Gate::new();

#[underscore_route(name = "begins_outside")]
async fn begins_outside() {
    for _ in 0..2 {
        tokio::spawn(async {
            tokio::time::sleep(Duration::from_millis(600)).await;
            OUTSIDE.wait();
        });
    }
}

/// Holds 3.85 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_of_workers_are_found_if_the_admin_api_was_started_outside_of_their_runtime() {
    let _turn = turn().await;
    own_process!();
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("app.sock");
    let path = socket.clone();
    let started = std::thread::spawn(move || underscore_runtime::serve_admin(path));
    let admin = started.join().expect("no panic").expect("it is bound");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be had");
    let app = Router::new().route("/", get(begins_outside));
    let request = axum::extract::Request::get("/").body(axum::body::Body::empty());
    let request = request.expect("a request");
    let answered = runtime.spawn(tower::ServiceExt::oneshot(app, request));
    assert_eq!(
        answered
            .await
            .expect("no panic")
            .expect("infallible")
            .status(),
        200
    );
    let client = reqwest::Client::builder().unix_socket(&*socket).build();
    let client = client.expect("a client");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let sent = client.get("http://./_cat/workers?format=json").send().await;
        let rows: Value = sent.expect("an answer").json().await.expect("a table");
        let rows = rows.as_array().expect("a table");
        let blocked: Vec<_> = rows
            .iter()
            .filter(|row| row["state"] == "blocked")
            .collect();
        if blocked.len() == 2 {
            let is_known = |row: &&Value| row["thread"] == "tokio-rt-worker";
            assert!(blocked.iter().all(is_known), "{blocked:#?}");
            break;
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    OUTSIDE.open();
    runtime.shutdown_background();
    admin.shutdown_blocking();
}

//! `/_metrics` agrees with `_cat/routes`, its counters only rise, and clients cannot create series.
//! Formats are in `formats`, parsing in `series`.

#![allow(
    clippy::float_cmp,
    reason = "what is written is a whole number or one read from the same text"
)]

mod exemplars;
mod formats;
mod http;
mod router;
mod series;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, get};
use reqwest::Method;
use serde_json::{Value, json};
use series::{Series, of_handler, scrape, scrape_open, value, values};
use tokio::sync::Notify;
use underscore_runtime::{spawn, underscore_route};

use crate::support::process::own_process;
use crate::support::{PATIENCE, Service, talk};

/// Number of series of a route with a column in `_cat/routes`: requests in flight, eight ends, five
/// classes of responses, and three of blocked workers.
const IN_TABLE: usize = 1 + 8 + 5 + 3;

/// Number of all series of a route: the sum and the count of its response times and the age of its
/// oldest request come on top.
const SERIES: usize = IN_TABLE + 3;

/// The series that a row of `_cat/routes` stands for, without the response times.
fn expected(row: &Value) -> Series {
    let text = |column: &str| row[column].as_str().unwrap_or("-").to_owned();
    let labels = || {
        let id = text("id").split('-').next().unwrap_or_default().to_owned();
        let all = [
            ("id", id),
            ("method", text("method")),
            ("path", text("path")),
            ("handler", text("handler")),
        ];
        BTreeMap::from(all.map(|(key, value)| (key.to_owned(), value)))
    };
    let mut series = Series::new();
    for (column, value) in row.as_object().expect("a row") {
        let name = |name: &str| format!("underscore_{name}");
        let mut labels = labels();
        let name = if column == "stats.req.active" {
            name("requests_in_flight")
        } else if let Some(end) = column.strip_prefix("stats.end.") {
            labels.insert("end".to_owned(), end.to_owned());
            name("requests_ended_total")
        } else if let Some(class) = column.strip_prefix("stats.resp.status_") {
            labels.insert("class".to_owned(), class.to_owned());
            name("responses_total")
        } else if let Some(blocked) = column.strip_prefix("stats.blocked.") {
            name(match blocked {
                "count" => "blocked_polls_total",
                "time" => "blocked_poll_seconds_total",
                _ => "blocked_poll_max_seconds",
            })
        } else {
            continue;
        };
        series.insert((name, labels), value.as_f64().expect("a number"));
    }
    series
}

#[underscore_route(name = "scraped")]
async fn scraped(method: Method) -> StatusCode {
    static NEVER: Notify = Notify::const_new();
    match method {
        Method::GET => StatusCode::OK,
        Method::POST => StatusCode::NOT_FOUND,
        // Without a panic message: writing its backtrace takes so long that the poll may count as
        // blocked.
        Method::PUT => std::panic::resume_unwind(Box::new("told to")),
        Method::DELETE => StatusCode::BAD_GATEWAY,
        _ => {
            NEVER.notified().await;
            StatusCode::OK
        }
    }
}

/// Holds 1.18, 7.9 of docs/admin-api.md.
#[tokio::test]
async fn both_formats_agree_with_cat_routes() {
    own_process!();
    let service = Service::start(Router::new().route("/scraped/{id}", any(scraped))).await;
    for (method, times) in [
        (Method::GET, 3),
        (Method::POST, 2),
        (Method::DELETE, 1),
        (Method::PUT, 1),
    ] {
        for _ in 0..times {
            let _ = service.request(method.clone(), "/scraped/1").send().await;
        }
    }
    // One request is interrupted, one is dropped by its client, and one stays.
    let patch = || service.request(Method::PATCH, "/scraped/2").send();
    let interrupted = tokio::spawn(patch());
    service.wait_for_waiting("scraped", 1).await;
    service.post("_routes/scrap*/interrupt").await.ok_json();
    interrupted.await.expect("it ends").expect("it is answered");
    let left = tokio::spawn(patch());
    service.wait_for_waiting("scraped", 1).await;
    left.abort();
    service.wait_for_waiting("scraped", 0).await;
    let stays = tokio::spawn(patch());
    service.wait_for_waiting("scraped", 1).await;
    let preempt = json!({"transient": {"preempt": {"status": 503}}});
    service
        .put("_routes/scrap*/settings", preempt)
        .await
        .ok_json();
    service.get("/scraped/3").await;

    let rows = service
        .admin_json("_cat/routes/scraped?format=json&h=*")
        .await;
    let rows = rows.as_array().expect("a table");
    assert_eq!(rows.len(), 5, "one per method");
    let all: Series = rows.iter().flat_map(expected).collect();
    assert_eq!(all.len(), 5 * IN_TABLE);
    // Writing the backtrace of a panic takes so long that the poll may count as blocked.
    let counted = all
        .iter()
        .filter(|((name, _), _)| !name.contains("_blocked_"));
    assert_eq!(
        counted.map(|(_, value)| value).sum::<f64>(),
        19.0,
        "11 requests, 10 of them ended, 8 answered: {all:#?}"
    );
    let text = of_handler(scrape(&service).await, "scraped");
    let open = of_handler(scrape_open(&service).await, "scraped");
    let without_ages = |series: &Series| -> Series {
        let all = series.iter().filter(|((name, _), _)| !is_now(name));
        all.map(|(key, value)| (key.clone(), *value)).collect()
    };
    assert_eq!(without_ages(&text), without_ages(&open));
    let (of_times, others): (Series, Series) = text
        .into_iter()
        .partition(|((name, _), _)| name.contains("_time") || is_now(name));
    assert_eq!(others, all);
    check_times(&of_times, rows);
    stays.abort();
}

/// True for what only the metrics have: the age of the oldest request, and the settings in force.
fn is_now(name: &str) -> bool {
    [
        "underscore_oldest_request_seconds",
        "underscore_setting_in_force",
    ]
    .contains(&name)
}

/// Until a window has passed, sum divided by count is the average of the table.
fn check_times(all: &Series, rows: &[Value]) {
    for row in rows {
        let of_row = |name: &str| {
            let its = all
                .iter()
                .find(|((found, labels), _)| found == name && row["method"] == *labels["method"]);
            *its.expect("it has times").1
        };
        let sum = of_row("underscore_response_time_seconds_total");
        let count = of_row("underscore_responses_timed_total");
        let answers = match row["method"].as_str() {
            Some("GET") => 3.0,
            Some("POST") => 2.0,
            Some("DELETE") => 1.0,
            _ => 0.0,
        };
        assert_eq!(count, answers, "{row:#}");
        match row["stats.resp.time_avg_15m"].as_f64() {
            Some(average) => assert!(
                (sum / count - average).abs() < 1e-6,
                "{sum} {count} {row:#}"
            ),
            None => assert_eq!(sum, 0.0),
        }
    }
}

/// The number of requests that have ended.
fn ended(all: &Series) -> f64 {
    values(all, "underscore_requests_ended_total").iter().sum()
}

#[underscore_route]
async fn counted() {}

/// Holds 7.14 of docs/admin-api.md.
#[tokio::test]
async fn counters_stay_and_only_rise() {
    own_process!();
    let service = Service::start(Router::new().route("/counted", get(counted))).await;
    service.get("/counted").await;
    let first = of_handler(scrape(&service).await, "counted");
    assert_eq!(first.len(), SERIES);
    let again = of_handler(scrape_open(&service).await, "counted");
    assert_eq!(again, first, "to be looked at changes nothing");
    // With the second mount, the first one has another id in the tables.
    let second = Service::start(Router::new().route("/elsewhere", get(counted))).await;
    second.get("/elsewhere").await;
    service.get("/counted").await;
    let later = of_handler(scrape(&service).await, "counted");
    assert_eq!(later.len(), 2 * first.len());
    for (series, before) in &first {
        assert!(later[series] >= *before, "{series:?} fell from {before}");
    }
    assert_eq!(ended(&first), 1.0);
    assert_eq!(ended(&later), 3.0);
}

#[underscore_route(get, "/declared/{id}")]
async fn declared() {}

#[underscore_route]
async fn undeclared() {}

#[underscore_route]
async fn odd() {}

#[underscore_route(get, "/bell\u{7}/\u{9b}2J")]
async fn bell() {}

/// Holds 7.12 of docs/admin-api.md.
#[tokio::test]
async fn a_route_has_series_once_its_labels_are_known_and_they_are_escaped() {
    own_process!();
    let path = r#"/say/"hi"\n\\{id}"#;
    let service = Service::start(
        Router::new()
            .route(path, get(odd))
            .route("/declared/{id}", get(declared))
            .route("/un", get(undeclared)),
    )
    .await;
    let all = scrape(&service).await;
    let before = of_handler(all.clone(), "declared");
    assert_eq!((before.len(), before.values().sum::<f64>()), (SERIES, 0.0));
    assert_eq!(of_handler(all.clone(), "undeclared").len(), 0);
    // A label does not control the terminal of a client either.
    let bell = of_handler(all, "bell");
    let is_visible = |labels: &BTreeMap<String, String>| labels["path"] == r"/bell\u{7}/\u{9b}2J";
    assert!(
        bell.keys().all(|(_, labels)| is_visible(labels)),
        "{bell:#?}"
    );
    assert_eq!(bell.len(), SERIES);
    service.get("/declared/7").await;
    let after = of_handler(scrape(&service).await, "declared");
    assert!(after.keys().eq(before.keys()), "the same series go on");

    let mut connection = service.connect().await;
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: x\r\n\r\n",
        path.replace("{id}", "7")
    );
    let answer = talk(&mut connection, &request, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for series in [scrape(&service).await, scrape_open(&service).await] {
        let odd = of_handler(series, "odd");
        assert_eq!(odd.len(), SERIES);
        assert!(
            odd.keys().all(|(_, labels)| labels["path"] == path),
            "{odd:#?}"
        );
    }
}

#[underscore_route]
async fn scanned() {}

/// Holds 7.13 of docs/admin-api.md.
#[tokio::test]
async fn clients_cannot_create_series() {
    own_process!();
    let app = Router::new()
        .route("/x/{id}", any(scanned))
        .nest_service("/files", any(scanned));
    let service = Service::start(app).await;
    let odd = |number| Method::from_bytes(format!("SCAN{number}").as_bytes()).expect("a token");
    let ask = async |method: Method, path: String| {
        let answer = service
            .request(method, &path)
            .header("host", "scan.example")
            .send()
            .await;
        answer.expect("it answers").status().as_u16()
    };
    assert_eq!(ask(Method::GET, "/x/0".into()).await, 200);
    assert_eq!(ask(odd(0), "/x/0".into()).await, 200);
    assert_eq!(ask(Method::GET, "/files/0".into()).await, 200);
    let before = of_handler(scrape(&service).await, "scanned");
    assert_eq!(before.len(), 3 * SERIES);
    for number in 0..1000 {
        assert_eq!(
            ask(Method::GET, format!("/x/scan-{number}?scan={number}")).await,
            200
        );
        assert_eq!(ask(Method::GET, format!("/scan-{number}.php")).await, 404);
        if number % 50 == 0 {
            assert_eq!(ask(odd(number), format!("/x/scan-{number}")).await, 200);
            assert_eq!(ask(Method::GET, format!("/files/scan-{number}")).await, 200);
        }
    }
    let all = scrape(&service).await;
    let strangers = all
        .keys()
        .filter(|(_, labels)| labels.values().any(|value| value.contains("scan-")));
    assert_eq!(strangers.count(), 0);
    let after = of_handler(all, "scanned");
    assert!(after.keys().eq(before.keys()), "no more series than before");
    assert_eq!(ended(&after), ended(&before) + 1040.0);
}

static HELD: Notify = Notify::const_new();

#[underscore_route(name = "held_for_tasks")]
async fn held() {
    HELD.notified().await;
}

/// Holds 7.15 of docs/admin-api.md.
#[tokio::test]
async fn tasks_workers_and_the_process_have_series() {
    own_process!();
    let service = Service::start_on_workers(2, Router::new().route("/", get(held))).await;
    let held = tokio::spawn(service.request(Method::GET, "/").send());
    let work = spawn("work for the metrics", std::future::pending::<()>());
    service.wait_for_waiting("held_for_tasks", 1).await;
    let deadline = SystemTime::now() + PATIENCE;
    loop {
        // At least those of this test; there may be more.
        let all = scrape(&service).await;
        let task = |kind, state| {
            value(
                &all,
                "underscore_tasks",
                &[("type", kind), ("state", state)],
            )
        };
        let workers = ["parked", "running", "blocked"].map(|state| {
            value(&all, "underscore_workers", &[("state", state)]).expect("always there")
        });
        let busy = values(&all, "underscore_worker_busy_ratio");
        assert!(
            busy.iter().all(|share| (0.0..=1.0).contains(share)),
            "{busy:?}"
        );
        if task("request", "waiting") >= Some(1.0)
            && task("background", "waiting") >= Some(1.0)
            && workers.iter().sum::<f64>() >= 2.0
            && busy.len() >= 2
        {
            assert_eq!(task("request", "streaming"), Some(0.0));
            break;
        }
        assert!(SystemTime::now() < deadline, "{all:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (all, later) = (scrape(&service).await, scrape_open(&service).await);
    let build = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(value(&all, "underscore_build_info", &build), Some(1.0));
    let start = value(&all, "underscore_start_time_seconds", &[]).expect("it is there");
    assert_eq!(
        value(&later, "underscore_start_time_seconds", &[]),
        Some(start)
    );
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs_f64();
    assert!((now - 600.0..=now).contains(&start), "{start}");
    held.abort();
    work.abort();
}

//! Response times, rates and ends of known requests in the tables. The precision of the windows is
//! tested beside their implementation.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use underscore_runtime::underscore_route;

use crate::support::Service;

#[underscore_route(name = "fast")]
async fn fast() {}

#[underscore_route(name = "slow")]
async fn slow() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}

#[underscore_route(name = "mixed")]
async fn mixed() {}

#[underscore_route(name = "teapot")]
async fn teapot() -> StatusCode {
    StatusCode::IM_A_TEAPOT
}

#[underscore_route(name = "shut")]
async fn shut() {}

#[underscore_route(get, "/untouched", name = "untouched")]
async fn untouched() {}

fn app() -> Router {
    Router::new()
        .route("/fast", get(fast))
        .route("/slow", get(slow))
        .route("/mixed", get(mixed))
        .route("/teapot", get(teapot))
        .route("/shut", get(shut))
        .route("/untouched", get(untouched))
}

const WINDOWS: [&str; 3] = ["1m", "5m", "15m"];

/// The columns of the contract, in order.
fn contract() -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    let mut add = |names: &[&str]| columns.extend(names.iter().map(|&name| name.to_owned()));
    add(&["id", "handler", "name", "method", "path"]);
    add(&["stats.req.active", "stats.req.total"]);
    for measure in ["avg", "p50", "p90", "p99", "max"] {
        for window in WINDOWS {
            add(&[&format!("stats.resp.time_{measure}_{window}")]);
        }
    }
    for window in WINDOWS {
        add(&[&format!("stats.req.rate_{window}")]);
    }
    for class in 1..=5 {
        add(&[&format!("stats.resp.status_{class}xx")]);
    }
    for end in ["completed", "disconnected", "interrupted", "panicked"] {
        add(&[&format!("stats.end.{end}")]);
    }
    for end in ["preempted", "rejected", "expired"] {
        add(&[&format!("stats.end.{end}")]);
    }
    add(&["mounted", "preempt", "file", "line"]);
    // Later columns are appended, so that positions stay the same.
    add(&["declared", "as_declared"]);
    add(&["stats.blocked.count", "stats.blocked.time"]);
    add(&["stats.blocked.time_max", "stats.end.failed", "seen_by"]);
    columns
}

fn number(row: &Value, column: &str) -> f64 {
    let number = row[column].as_f64();
    number.unwrap_or_else(|| panic!("{column} is no number in {row:#}"))
}

/// Holds 3.27 of docs/admin-api.md.
#[tokio::test]
async fn the_columns_are_those_of_the_contract_in_its_order() {
    let service = Service::start(app()).await;
    let help = service.admin("_cat/routes?help").await.text;
    let columns: Vec<&str> = help
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(columns, contract());
    for aliases in [
        "avg1m,avg5m,avg15m,p50_1m,p50_5m,p50_15m,p90_1m,p90_5m,p90_15m",
        "p99_1m,p99_5m,p99_15m,max_1m,max_5m,max_15m,rate1m,rate5m,rate15m",
    ] {
        let path = format!("_cat/routes/fast?v&h={aliases}");
        let text = service.admin(&path).await.text;
        let heading = text.lines().next().expect("it was asked for");
        let heading: Vec<&str> = heading.split_whitespace().collect();
        assert_eq!(heading.join(","), aliases);
    }
}

/// Holds 3.90 of docs/admin-api.md.
#[tokio::test]
async fn the_alias_of_a_column_with_a_window_has_two_spellings() {
    let service = Service::start(app()).await;
    for name in ["avg", "p50", "p90", "p99", "max", "rate"] {
        for window in WINDOWS {
            let aliases = [format!("{name}{window}"), format!("{name}_{window}")];
            for alias in aliases {
                let path = format!("_cat/routes/fast?v&h={alias}&s={alias}:desc");
                let text = service.admin(&path).await.text;
                let heading = text.lines().next().expect("a heading");
                assert_eq!(heading.trim(), alias);
            }
        }
    }
}

/// Holds 3.37, 3.38 of docs/admin-api.md.
#[tokio::test]
async fn known_requests_have_times_in_order_and_a_rate() {
    let service = Service::start(app()).await;
    for _ in 0..20 {
        service.get("/mixed").await;
    }
    let row = service.wait_for_ends("mixed", &[("completed", 20)]).await;
    for window in WINDOWS {
        let time = |measure| number(&row, &format!("stats.resp.time_{measure}_{window}"));
        let times = [0.0, time("p50"), time("p90"), time("p99"), time("max")];
        assert!(times.is_sorted() && times[1] > 0.0, "{times:?}");
        assert!(time("avg") > 0.0 && time("avg") <= time("max"), "{row:#}");
    }
    let rates = WINDOWS.map(|window| number(&row, &format!("stats.req.rate_{window}")));
    // Twenty requests in at least 59 and at most 60 seconds; the other windows likewise.
    for (rate, seconds) in rates.into_iter().zip([60.0, 300.0, 900.0]) {
        let requests = rate * seconds;
        assert!((19.0..=20.5).contains(&requests), "{rates:?}");
    }
}

/// Holds 3.8, 3.9, 3.15, 3.16, 3.21 of docs/admin-api.md.
#[tokio::test]
async fn times_are_sorted_as_numbers_and_shown_with_six_decimals() {
    let service = Service::start(app()).await;
    service.get("/fast").await;
    service.get("/slow").await;
    service.wait_for_ends("fast", &[("completed", 1)]).await;
    service.wait_for_ends("slow", &[("completed", 1)]).await;
    let table = "_cat/routes/fast,slow,untouched?h=name,p99_1m,rate1m";
    let text = service.admin(&format!("{table}&s=p99_1m:desc")).await.text;
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!((rows[0][0], rows[1][0]), ("slow", "fast"));
    assert_eq!(rows[2], ["untouched", "-", "0.000"]);
    let (_, decimals) = rows[0][1].split_once('.').expect("seconds");
    assert_eq!(decimals.len(), 6);
    let slow: f64 = rows[0][1].parse().expect("seconds");
    assert!(slow >= 0.0297, "30 ms, and 1 % of it: {slow}");
    let unit = service
        .admin(&format!("{table}&s=max_1m&time=micros"))
        .await;
    let slow = unit.text.lines().last().expect("the slowest");
    let micros: u64 = slow
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .expect("a whole number");
    assert!(micros >= 29_700, "{micros}");
}

/// Holds 3.37, 3.38, 3.39 of docs/admin-api.md.
#[tokio::test]
async fn a_preempted_request_has_no_response_time_and_counts_in_the_rate() {
    let service = Service::start(app()).await;
    let body = json!({"transient": {"preempt.status": 503}});
    service.put("_routes/shut/settings", body).await;
    for _ in 0..3 {
        assert_eq!(service.get("/shut").await.status, 503);
    }
    let row = service.wait_for_ends("shut", &[("preempted", 3)]).await;
    for measure in ["avg", "p50", "p90", "p99", "max"] {
        let column = format!("stats.resp.time_{measure}_15m");
        assert_eq!(row[&column], Value::Null, "{column}");
    }
    assert!(number(&row, "stats.req.rate_1m") > 0.04, "{row:#}");
    assert_eq!(row["stats.resp.status_5xx"], 3);
}

/// Holds 1.12 of docs/admin-api.md.
#[tokio::test]
async fn stats_are_nested_under_each_route() {
    let service = Service::start(app()).await;
    service.get("/teapot").await;
    service.wait_for_ends("teapot", &[("completed", 1)]).await;
    let answer = service.admin_json("_routes/teapot,untouched/stats").await;
    let routes = answer.as_object().expect("by id");
    assert_eq!(routes.len(), 2);
    let id = |row: Value| row["id"].as_str().expect("an id").to_owned();
    let touched = &routes[&id(service.route("teapot").await)];
    assert_eq!(touched.as_object().expect("an object").len(), 1);
    let stats = &touched["stats"];
    assert_eq!(stats["req"]["total"], 1);
    assert_eq!(stats["req"]["active"], 0);
    assert!(stats["req"]["rate_1m"].is_f64());
    assert!(stats["resp"]["time_p99_15m"].is_f64());
    assert_eq!(stats["resp"]["status_4xx"], 1);
    let expected = json!({
        "completed": 1, "disconnected": 0, "interrupted": 0, "panicked": 0, "preempted": 0,
        "rejected": 0, "expired": 0, "failed": 0
    });
    assert_eq!(stats["end"], expected);

    let stats = &routes[&id(service.route("untouched").await)]["stats"];
    assert_eq!(stats["resp"]["time_avg_1m"], Value::Null);
    assert_eq!(stats["resp"]["time_p50_5m"], Value::Null);
    assert_eq!(stats["req"]["rate_15m"], 0.0);

    let all = service.admin_json("_routes/stats").await;
    let all = all.as_object().expect("by id");
    assert!(routes.keys().all(|id| all.contains_key(id)) && all.len() > 2);
    assert_eq!(service.admin("_routes/nothing/stats").await.status, 404);
    assert_eq!(service.admin("_routes/stats?h=id").await.status, 400);
}

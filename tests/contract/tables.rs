//! Section 3 of docs/admin-api.md: tables.

use std::fmt::Write;

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::Value;
use tokio::sync::Semaphore;
use underscore_runtime::underscore_route;

use crate::PAGE;
use crate::support::columns::columns;
use crate::support::{Answer, Service};

/// Holds 3.11, 3.27, 3.42, 3.53, 3.56, 3.61, 3.91, 3.92 of docs/admin-api.md.
#[tokio::test]
async fn the_columns_are_those_on_the_page() {
    let service = Service::start(Router::new()).await;
    let mut missing = String::new();
    for table in [
        "routes",
        "tasks",
        "stacks",
        "connections",
        "workers",
        "audit",
        "captures",
    ] {
        let table = format!("_cat/{table}");
        let expected = columns(&service, &table).await;
        let (_, section) = PAGE
            .split_once(&format!("\n### `{table}`\n"))
            .expect("its section is there");
        let section = section.split("\n### ").next().unwrap_or_default();
        if !section.contains(&expected) {
            write!(missing, "\n### `{table}`\n\n{expected}").expect("a string");
        }
    }
    assert!(missing.is_empty(), "docs/admin-api.md must have{missing}");
}

#[underscore_route(post, "/tables/b", name = "tables.order.1")]
async fn order_1() {}

#[underscore_route(name = "tables.order.2")]
async fn order_2() {}

#[underscore_route(get, "/tables/b", name = "tables.order.3")]
async fn order_3() {}

#[underscore_route(get, "/tables/a", name = "tables.order.4")]
async fn order_4() {}

async fn names(service: &Service, query: &str) -> String {
    let path = format!("_cat/routes/tables.order.*?h=n{query}");
    let text = service.admin(&path).await.text;
    let names = text.lines().map(|line| line.replace("tables.order.", ""));
    names.collect()
}

/// Holds 3.25 of docs/admin-api.md.
#[tokio::test]
async fn routes_are_sorted_by_path_and_method_and_those_without_a_path_are_last() {
    let service = Service::start(Router::new()).await;
    assert_eq!(names(&service, "").await, "4312");
}

/// Holds 3.6, 3.7 of docs/admin-api.md.
#[tokio::test]
async fn sorting_is_stable_and_asc_may_be_written() {
    let service = Service::start(Router::new()).await;
    assert_eq!(names(&service, "&s=file").await, "4312");
    assert_eq!(names(&service, "&s=file:desc").await, "4312");
    assert_eq!(names(&service, "&s=name").await, "1234");
    assert_eq!(names(&service, "&s=name:asc").await, "1234");
    assert_eq!(names(&service, "&s=method:desc,name:desc").await, "1432");
}

/// Holds 3.4 of docs/admin-api.md.
#[tokio::test]
async fn an_empty_list_of_columns_is_the_default() {
    let service = Service::start(Router::new()).await;
    let path = "_cat/routes/tables.order.4?v";
    let by_default = service.admin(path).await.text;
    assert!(by_default.starts_with("id "), "{by_default}");
    for empty in ["h", "h=", "h=,", "h=%20"] {
        let text = service.admin(&format!("{path}&{empty}")).await.text;
        assert_eq!(text, by_default, "{empty}");
    }
}

/// Holds 3.2, 3.5 of docs/admin-api.md.
#[tokio::test]
async fn a_pattern_matches_names_and_aliases_and_shows_the_names() {
    let service = Service::start(Router::new()).await;
    let path = "_cat/routes/tables.order.4?v&h";
    let heading = service.admin(&format!("{path}=*total")).await.text;
    assert!(heading.starts_with("stats.req.total\n"), "{heading}");
    let alias = service.admin(&format!("{path}=avg1*")).await.text;
    let words: Vec<&str> = alias.split_whitespace().take(2).collect();
    assert_eq!(
        words,
        ["stats.resp.time_avg_1m", "stats.resp.time_avg_15m"],
        "{alias}"
    );
    let none = service.admin(&format!("{path}=zot*")).await;
    let (kind, reason) = none.error();
    assert_eq!((none.status, &*kind), (400, "illegal_argument_exception"));
    assert!(reason.contains("unknown column [zot*]"), "{reason}");
}

static NEVER: Semaphore = Semaphore::const_new(0);

#[underscore_route(name = "tables.aged")]
async fn aged() {
    NEVER.acquire().await.expect("never closed").forget();
}

#[underscore_route(name = "tables.grouped")]
async fn grouped() {
    NEVER.acquire().await.expect("never closed").forget();
}

type Client = tokio::task::JoinHandle<u16>;

/// Two requests to a route; the second one is sent once the first one waits.
async fn two(service: &Service, route: &str) -> [Client; 2] {
    let send = |path: &str| {
        let sent = service.request(Method::GET, path).send();
        tokio::spawn(async { Answer::of(sent.await.expect("it answers")).await.status })
    };
    let first = send("/?first");
    service.wait_for_waiting(route, 1).await;
    let second = send("/?second");
    service.wait_for_waiting(route, 2).await;
    [first, second]
}

async fn end(service: &Service, route: &str, clients: [Client; 2]) {
    service.post(&format!("_routes/{route}/interrupt")).await;
    for client in clients {
        assert_eq!(client.await.expect("no panic"), 503);
    }
}

/// Holds 3.16, 3.26 of docs/admin-api.md.
#[tokio::test]
async fn the_oldest_task_is_first_with_its_age_as_text_or_in_seconds() {
    let service = Service::start(Router::new().route("/", get(aged))).await;
    let clients = two(&service, "tables.aged").await;
    let path = "_cat/tasks?routes=tables.aged&h=uri,running_time";
    let text = service.admin(path).await.text;
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("/?first ") && lines[1].starts_with("/?second "),
        "{text}"
    );
    assert!(
        lines.iter().all(|line| line.ends_with('s')),
        "a unit: {text}"
    );
    let rows = service.admin_json(&format!("{path}&format=json")).await;
    let age = |row: &Value| row["running_time"].as_f64().expect("seconds");
    assert!(age(&rows[0]) > age(&rows[1]), "{rows:#}");
    assert!((0.0..600.0).contains(&age(&rows[0])), "{rows:#}");
    let yaml = service.admin(&format!("{path}&format=yaml")).await.text;
    let seconds = yaml
        .lines()
        .filter_map(|line| line.trim().strip_prefix("running_time: "));
    let seconds: Vec<f64> = seconds.filter_map(|text| text.parse().ok()).collect();
    assert_eq!(seconds.len(), 2, "{yaml}");
    end(&service, "tables.aged", clients).await;
}

/// Holds 3.55 of docs/admin-api.md.
#[tokio::test]
async fn a_row_of_stacks_has_the_ages_of_its_oldest_and_its_newest_task() {
    let service = Service::start(Router::new().route("/", get(grouped))).await;
    let clients = two(&service, "tables.grouped").await;
    let ages = async || -> [f64; 2] {
        let tasks = service.tasks("tables.grouped").await;
        [0, 1].map(|task: usize| tasks[task]["running_time"].as_f64().expect("seconds"))
    };
    let before = ages().await;
    let rows = service
        .admin_json("_cat/stacks/tables.grouped?format=json")
        .await;
    let after = ages().await;
    let row = &rows[0];
    assert_eq!(row["count"], 2, "{rows:#}");
    for (index, column) in ["oldest", "newest"].into_iter().enumerate() {
        let age = row[column].as_f64().expect("seconds");
        assert!(
            (before[index]..=after[index]).contains(&age),
            "{column}: {row:#}"
        );
    }
    end(&service, "tables.grouped", clients).await;
}

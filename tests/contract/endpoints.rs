//! Section 1 of docs/admin-api.md: endpoints.

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use underscore_runtime::{AdminBuilder, underscore_route};

use crate::PAGE;
use crate::support::Service;

/// Expands the optional part of `GET /a[/{b}]` into two endpoints.
fn both(form: &str) -> Vec<String> {
    match form.split_once('[') {
        Some((before, rest)) => {
            let (inside, after) = rest.split_once(']').expect("it closes");
            vec![
                format!("{before}{after}"),
                format!("{before}{inside}{after}"),
            ]
        }
        None => vec![form.to_owned()],
    }
}

/// Method and path of each endpoint in the lines of `text`, after `begin`.
fn endpoints(text: &str, begin: &str) -> Vec<String> {
    let is_method = |form: &&str| {
        ["GET /", "PUT /", "POST /"]
            .iter()
            .any(|m| form.starts_with(m))
    };
    let form = |line: &'_ str| {
        let (_, rest) = line.split_once(begin)?;
        Some(rest.split('`').next()?.to_owned())
    };
    let forms = text.lines().filter_map(form);
    let forms = forms.filter(|form| is_method(&form.as_str()));
    let mut all: Vec<String> = forms.flat_map(|form| both(&form)).collect();
    all.sort_unstable();
    all
}

fn of_page() -> Vec<String> {
    let (_, rest) = PAGE.split_once("## 1. ").expect("section 1");
    let (section, _) = rest.split_once("\n## ").expect("it ends");
    endpoints(section, "** `")
}

#[test]
fn the_overview_of_the_page_has_the_endpoints_of_section_1() {
    assert_eq!(of_page(), endpoints(PAGE, "| `"));
}

#[underscore_route(name = "endpoints.mounted")]
async fn mounted() {}

#[underscore_route(get, "/declared", name = "endpoints.declared")]
async fn declared() {}

async fn service() -> Service {
    let service = Service::start(Router::new().route("/", get(mounted))).await;
    service.get("/").await;
    service
}

/// Holds 1.1 of docs/admin-api.md.
#[tokio::test]
async fn the_root_identifies_the_process() {
    let service = service().await;
    let root = service.admin_json("").await;
    let keys: Vec<&String> = root.as_object().expect("an object").keys().collect();
    let expected = [
        "name",
        "pid",
        "status",
        "tagline",
        "underscore_version",
        "uptime",
        "uptime_in_seconds",
        "version",
    ];
    assert_eq!(keys, expected);
    assert_eq!(root["pid"], std::process::id());
    let name = root["name"].as_str().expect("a text");
    assert!(name.starts_with("contract"), "{name}");
    assert!(
        root["uptime_in_seconds"]
            .as_f64()
            .is_some_and(|it| it > 0.0)
    );
    let uptime = root["uptime"].as_str().expect("a text");
    assert!(uptime.ends_with('s'), "{uptime}");
    assert_eq!(root["tagline"], "You Know, for Incidents");
    assert_eq!(root["underscore_version"], env!("CARGO_PKG_VERSION"));
    assert!(root["version"].is_null(), "nobody has said it: {root:#}");
    let admin = AdminBuilder::new().version("2.7.1-4f0c");
    let told = Service::start_with(Router::new(), &admin).await;
    assert_eq!(told.admin_json("").await["version"], "2.7.1-4f0c");
}

/// Holds 1.3 of docs/admin-api.md.
#[tokio::test]
async fn every_annotated_handler_is_a_row_mounted_or_not() {
    let service = service().await;
    let names = async |path: &str| -> Vec<String> {
        let text = service.admin(path).await.text;
        text.lines().map(str::to_owned).collect()
    };
    let all = names("_cat/routes?h=name").await;
    for name in ["endpoints.mounted", "endpoints.declared"] {
        assert_eq!(all.iter().filter(|it| *it == name).count(), 1, "{name}");
        assert_eq!(names(&format!("_cat/routes/{name}?h=name")).await, [name]);
    }
}

/// The leaves of nested objects with dotted keys.
fn flat(prefix: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
    for (key, value) in value.as_object().expect("an object") {
        let key = format!("{prefix}{key}");
        if value.is_object() {
            flat(&format!("{key}."), value, found);
        } else {
            found.insert(key, value.clone());
        }
    }
}

/// Holds 1.9 of docs/admin-api.md.
#[tokio::test]
async fn a_route_as_json_is_its_row_nested_under_its_id() {
    let service = service().await;
    let mut row = service.route("endpoints.declared").await;
    let row = row.as_object_mut().expect("a row");
    let id = row.remove("id").expect("an id");
    let routes = service.admin_json("_routes/endpoints.declared").await;
    assert_eq!(routes.as_object().map(serde_json::Map::len), Some(1));
    let route = &routes[id.as_str().expect("a text")];
    assert!(route["stats"]["req"]["total"].is_u64(), "{route:#}");
    let mut leaves = BTreeMap::new();
    flat("", route, &mut leaves);
    let expected: BTreeMap<String, Value> = std::mem::take(row).into_iter().collect();
    assert_eq!(leaves, expected);
    let all = service.admin_json("_routes").await;
    assert_eq!(all[id.as_str().expect("a text")], *route);
}

/// Holds 1.20, 5.1 of docs/admin-api.md.
#[tokio::test]
async fn every_path_accepts_a_trailing_slash_and_the_common_parameters() {
    let service = service().await;
    let common = "error_trace&filter_path=**&format=text&human&pretty";
    let mut asked = 0;
    for endpoint in of_page() {
        let (method, path) = endpoint.split_once(" /").expect("a method and a path");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let body = (method == Method::PUT).then(|| json!({"transient": {}}));
        // Reads select everything, changes select nothing.
        let (routes, tasks, filter) = match method {
            Method::GET => ("_all", "_all", ""),
            _ if path.starts_with("_tasks") || path.starts_with("_connections") => {
                ("", "_all", "older_than=9999d&")
            }
            // A drain begins once, and for the whole process.
            _ if path == "_drain" => ("", "", "dry_run&"),
            _ => ("no.such.route*", "", ""),
        };
        // There are none: they are tested with a directory in `tests/captures`.
        if path.contains("{name}") {
            continue;
        }
        let filter = if path == "_bundle" {
            "seconds=1&"
        } else {
            filter
        };
        let path = path.replace("{routes}", routes).replace("{tasks}", tasks);
        let path = path.replace("{connections}", "_all");
        let path = path.replace("{file}", "live.css");
        for slash in ["", "/"] {
            if path.is_empty() && slash == "/" {
                continue;
            }
            let path = format!("{path}{slash}?{filter}{common}");
            let answer = service
                .admin_request(method.clone(), &path, body.clone())
                .await;
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
            asked += 1;
        }
    }
    assert!(asked > 40, "{asked}");
}

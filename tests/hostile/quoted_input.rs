//! An error repeats at most 200 characters of invalid input, once, wherever it was sent.

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};
use underscore_runtime::underscore_route;

use crate::support::process::own_process;
use crate::support::{Answer, Service};

#[underscore_route(name = "echoed")]
async fn echoed() {}

/// Length of the input: allowed in a parameter, and longer than an error.
const LONG: usize = 9_000;

/// Maximum length of quoted input, with the ellipsis.
const MOST: usize = 201;

fn assert_short(what: &str, answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    let (_, reason) = answer.error();
    let repeated = reason.matches('z').count();
    assert!(repeated < 2 * MOST, "{what}: {repeated} of {reason}");
    let longest = reason.split(|c| c != 'z').map(str::len).max();
    assert!(longest <= Some(MOST), "{what}: {reason}");
    assert!(answer.text.len() < 6_000, "{what}: {}", answer.text.len());
}

/// Bodies of a change of settings, each with `z` where the error quotes it.
fn wrong_settings(z: &str, many: &[String]) -> Vec<Value> {
    vec![
        json!({z: {}}),
        json!({"transient": {z: 1}}),
        json!({"transient": {z: null}}),
        json!({"transient": {"preempt": {z: 1}}}),
        json!({"transient": {"preempt": z}}),
        json!({"transient": {"preempt.*": z}}),
        json!({"transient": {"preempt.status": z}}),
        json!({"transient": {"preempt.headers": {z: 1}}}),
        json!({"transient": {"preempt.headers": {"x": "z".repeat(LONG)}}}),
        json!({"transient": {"preempt.reason": z}}),
        json!({"transient": {"timeout": z}}),
        json!({"transient": {}, "expires_in": z}),
        json!({"persistent": z}),
        json!({"transient": many}),
    ]
}

/// Holds 6.29 of docs/admin-api.md.
#[tokio::test]
async fn an_error_quotes_a_bounded_part_of_the_input() {
    own_process!();
    let service = Service::start(Router::new().route("/", get(echoed))).await;
    let z = "z".repeat(LONG);
    let many: Vec<String> = (0..900).map(|number| format!("zzzz{number}")).collect();
    let paths = [
        z.clone(),
        format!("_cat/{z}"),
        format!("_cat/routes/{z}"),
        format!("_cat/stacks/{z}"),
        format!("_cat/tasks/{z}"),
        format!("_cat/tasks/{}", "9".repeat(LONG)),
        format!("_tasks/{z}"),
        format!("_tasks/{z}/print_stack"),
        format!("_routes/{z}/settings"),
        format!("_routes/{}/settings", many.join(",")),
        format!("_cat/tasks?{z}"),
        format!("_cat/tasks?{}", many.join("&")),
        format!("_cat/tasks?{z}=1&{z}z=1&z{z}z=2"),
        format!("_cat/tasks?h={z}"),
        format!("_cat/tasks?h={}", many.join(",")),
        format!("_cat/tasks?s=id:{z}"),
        format!("_cat/tasks?s={z}"),
        format!("_cat/tasks?s={z}:{z}"),
        format!("_cat/tasks?size={z}"),
        format!("_cat/tasks?v={z}"),
        format!("_cat/tasks?time={z}"),
        format!("_cat/tasks?bytes={z}"),
        format!("_cat/tasks?format={z}"),
        format!("_cat/tasks?state={z}"),
        format!("_cat/tasks?older_than={z}"),
        format!("_cat/tasks?routes={z}"),
        format!("_tasks?group_by={z}"),
        format!("_metrics?format={z}"),
        format!("%zz{z}"),
        format!("_cat/routes/%ff{z}"),
        format!("_cat/tasks?h=%zz{z}"),
    ];
    for path in &paths {
        let answer = service.admin(path).await;
        assert_short(&path[..path.len().min(40)], &answer);
    }
    for path in [
        format!("_routes/{z}/interrupt"),
        format!("_routes/-{z}/interrupt"),
        format!("_routes/echoed/interrupt?timeout={z}"),
        format!("_routes/echoed/interrupt?status={z}"),
        format!("_tasks/{z}/_cancel"),
        format!("_tasks/_cancel?{z}"),
        format!("_tasks/_cancel?routes={z}"),
        z.clone(),
    ] {
        assert_short(&path[..path.len().min(40)], &service.post(&path).await);
    }
    for body in wrong_settings(&z, &many) {
        let answer = service.put("_routes/echoed/settings", body.clone()).await;
        assert_short(&format!("{body:.60}"), &answer);
    }
    let raw = |body: String, kind: String| {
        let request = service.admin_builder(Method::PUT, "_routes/echoed/settings");
        request.body(body).header("content-type", kind).send()
    };
    let json = "application/json".to_owned();
    for (body, kind) in [
        (format!("{{\"{z}\":1,\"{z}\":2}}"), json.clone()),
        (
            format!("{{\"transient\":{{\"{z}\":1,\"{z}\":2}}}}"),
            json.clone(),
        ),
        (z.clone(), json.clone()),
        (format!("\"{z}\""), json),
        ("{}".to_owned(), format!("text/{z}")),
    ] {
        let what = format!("{body:.40} as {kind:.40}");
        let answer = Answer::of(raw(body, kind).await.expect("it answers")).await;
        assert_short(&what, &answer);
    }
    let method = Method::from_bytes(&z.as_bytes()[..2_000]).expect("a token");
    let answer = service.admin_request(method, "_cat/tasks", None).await;
    assert_short("a method", &answer);
    // A host that is not allowed.
    let request = service.admin_builder(Method::GET, "_cat/tasks");
    let request = request.header("host", format!("{z}.example.com"));
    let answer = Answer::of(request.send().await.expect("it answers")).await;
    assert_short("a host", &answer);
}

//! Handlers stuck at known lines, in each place where an await can stand. Tables and printed stacks
//! are compared exactly. Handlers and expectations are in the modules, the driver is here.

#![forbid(unsafe_code)]
#![deny(clippy::all, clippy::pedantic)]

mod background;
mod blocks;
mod branches;
mod case;
mod extractors;
mod flow;
mod frames;
mod gate;
mod helpers;
mod in_macros;
mod incidents;
mod kept;
mod stacks;
#[path = "../support/mod.rs"]
mod support;
mod written;

use std::fmt::Debug;
use std::time::Instant;

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::Value;
use support::{PATIENCE, Service};

use case::{Case, Expected};
use gate::Gate;

/// Describes a difference.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare<T: PartialEq + Debug>(&mut self, what: &str, shown: &T, expected: &T) {
        if shown != expected {
            self.0.push(format!(
                "{what}\n   shown: {shown:#?}\nexpected: {expected:#?}"
            ));
        }
    }
}

/// Sends one request to the handler of `case`, checks each of its steps, and ends it at the last.
async fn walk(case: &Case<'_>) -> Differences {
    let (name, gate) = (case.name, Gate::default());
    let path = format!("/{name}");
    let app = Router::new().route(&path, (case.handler)());
    let service = Service::start_on_workers(2, app.with_state(gate.clone())).await;
    let client = tokio::spawn(service.request(Method::GET, &path).send());
    let mut differences = Differences::default();
    for (step, stack) in case.stacks.iter().enumerate() {
        if step > 0 {
            gate.open();
        }
        let task = stopped(&service, &gate, name, step).await;
        let what = format!("{name}, step {step}");
        look(&service, &task, &what, stack, &mut differences).await;
    }
    let report = service.post(&format!("_routes/{name}/interrupt")).await;
    assert_eq!(report.ok_json()["interrupted"], 1, "{name}");
    let answer = client.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), 503, "{name}");
    service.wait_for(name, "stats.req.active", 0).await;
    differences
}

/// Waits until the request has passed the gate this often and waits again, and returns its row. It
/// passes within a poll, so what is shown after that poll stays until the gate is opened.
async fn stopped(service: &Service, gate: &Gate, name: &str, passed: usize) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Read before the row: otherwise the row could be of the previous step.
        let is_there = gate.was_reached() && gate.passed() == passed;
        let mut tasks = service.tasks(name).await;
        if is_there && tasks.len() == 1 && tasks[0]["state"] == "waiting" {
            return tasks.remove(0);
        }
        assert!(
            Instant::now() < deadline,
            "{name} is never at step {passed}: {tasks:#?}"
        );
        tokio::task::yield_now().await;
    }
}

/// Compares all that is shown of the task with the expected stack.
async fn look(
    service: &Service,
    task: &Value,
    what: &str,
    stack: &[&str],
    differences: &mut Differences,
) {
    let (expected, id) = (Expected::read(stack), &task["id"]);
    let (place, source) = expected.shown();
    differences.compare(&format!("{what}: where"), &task["where"], &place);
    differences.compare(&format!("{what}: awaiting"), &task["awaiting"], &source);

    let path = format!("_tasks/{id}/print_stack");
    let text = service.admin(&path).await.text;
    // Kept futures are not awaited: see `kept_futures_are_shown_as_kept`.
    let waits = text.split("  kept, ").next().unwrap_or_default();
    let (head, lines) = waits.split_once('\n').expect("a line for the task");
    let start = format!(
        "task {id}  GET {}  waiting ",
        task["path"].as_str().expect("text")
    );
    assert!(head.starts_with(&start), "{head}");
    let (lines, text): (Vec<&str>, String) = (lines.lines().collect(), expected.text());
    differences.compare(
        &format!("{what}: the text"),
        &lines,
        &text.lines().collect(),
    );

    let json = service.admin_json(&format!("{path}?format=json")).await;
    let stack = &json["tasks"][id.to_string()]["stack"];
    differences.compare(&format!("{what}: the JSON"), stack, &expected.json());
}

/// Runs all of `cases` before it reports failures.
async fn assert_shown(cases: &[Case<'_>]) {
    let mut all = Vec::new();
    for case in cases {
        all.extend(walk(case).await.0);
    }
    assert!(all.is_empty(), "{}", all.join("\n\n"));
}

/// Holds 1.15, 3.44 of docs/admin-api.md.
#[tokio::test]
async fn an_await_is_shown_at_its_line_wherever_it_stands_in_a_body() {
    assert_shown(flow::CASES).await;
}

#[tokio::test]
async fn an_await_in_a_block_or_a_closure_is_shown_below_the_one_around_it() {
    assert_shown(blocks::CASES).await;
}

/// Holds 3.44 of docs/admin-api.md.
#[tokio::test]
async fn concurrent_awaits_are_branches_in_macros_too() {
    assert_shown(branches::CASES).await;
}

#[tokio::test]
async fn an_await_in_a_helper_is_shown_below_the_call() {
    assert_shown(helpers::CASES).await;
}

/// Holds 3.45 of docs/admin-api.md.
#[tokio::test]
async fn an_extractor_that_waits_is_shown_at_its_argument() {
    assert_shown(extractors::CASES).await;
}

#[tokio::test]
async fn a_future_that_is_not_awaited_is_not_shown() {
    assert_shown(kept::CASES).await;
}

/// Holds 3.44, 3.64 of docs/admin-api.md.
#[tokio::test]
async fn awaits_in_the_tokens_of_macros_are_shown() {
    assert_shown(in_macros::CASES).await;
}

/// Holds 3.89 of docs/admin-api.md.
#[tokio::test]
async fn output_of_other_macros_has_no_points_and_a_block_of_functions_may_be_framed() {
    assert_shown(written::CASES).await;
}

/// Without this test, a driver that compares nothing would accept every table.
#[tokio::test]
async fn a_stack_that_is_wrong_in_any_part_is_reported() {
    let right = [
        "  kept::compared <compared> block",
        "*   kept::compared <in the compared> gate.pass()",
    ];
    let (all, printed) = ("where awaiting text JSON", "text JSON");
    for (stack, noticed) in [
        (&right[..], ""),
        (&["  kept::other <compared> block", right[1]], printed),
        (
            &["  kept::compared <behind the race> block", right[1]],
            printed,
        ),
        (&["  kept::compared <compared> blocks", right[1]], printed),
        (
            &[right[0], "*   kept::compared <behind the race> gate.pass()"],
            "where text JSON",
        ),
        (
            &[right[0], "*   kept::compared <in the compared> gate"],
            "awaiting text JSON",
        ),
        (
            &[right[0], "* kept::compared <in the compared> gate.pass()"],
            printed,
        ),
        (
            &[
                "* kept::compared <compared> block",
                "    kept::compared <in the compared> gate.pass()",
            ],
            "where awaiting",
        ),
        (&["* kept::compared <in the compared> gate.pass()"], printed),
        (&["* kept::compared <compared> block"], all),
        (&[], all),
    ] {
        let case = Case {
            name: "compared",
            handler: || get(kept::compared),
            stacks: &[stack],
        };
        let differences = walk(&case).await.0;
        let words = |difference: &String| {
            let what = difference.lines().next().unwrap_or_default();
            what.rsplit(' ').next().unwrap_or_default().to_owned()
        };
        let words: Vec<String> = differences.iter().map(words).collect();
        assert_eq!(words.join(" "), noticed, "{stack:#?}: {differences:#?}");
    }
}

/// Holds 3.65, 3.66 of docs/admin-api.md.
#[tokio::test]
async fn kept_futures_are_shown_as_kept() {
    let gate = Gate::default();
    let app = Router::new()
        .route("/loser", get(kept::kept_loser))
        .route("/fan", get(kept::kept_fan));
    let service = Service::start_on_workers(2, app.with_state(gate.clone())).await;
    for (path, name, kept, awaiting) in [
        (
            "/loser",
            "kept_loser",
            vec!["pending::<()>()"],
            "gate.pass()",
        ),
        (
            "/fan",
            "kept_fan",
            vec!["gate.below(7)", "gate.below(7)"],
            "gate.pass()",
        ),
    ] {
        let client = tokio::spawn(service.request(Method::GET, path).send());
        let task = service.wait_for_await(name, awaiting).await;
        let id = task["id"].to_string();
        let shown = task["kept"].as_str().expect("a text");
        for source in &kept {
            assert!(shown.contains(source), "{shown}");
        }
        let text = service
            .admin(&format!("_tasks/{id}/print_stack"))
            .await
            .text;
        let (_, below) = text
            .split_once("  kept, and not polled for at least ")
            .expect(&text);
        let (time, lines) = below.split_once(":\n").expect("its awaits");
        assert!(time.ends_with('s'), "{time}");
        assert_eq!(lines.lines().count(), kept.len(), "{text}");
        let json = service
            .admin_json(&format!("_tasks/{id}/print_stack?format=json"))
            .await;
        let all = json["tasks"][&id]["kept"]
            .as_array()
            .expect("a list")
            .clone();
        let sources: Vec<&str> = all
            .iter()
            .filter_map(|it| it["awaiting"].as_str())
            .collect();
        assert_eq!(sources, kept, "{json:#}");
        service
            .post(&format!("_routes/{name}/interrupt"))
            .await
            .ok_json();
        client.await.expect("no panic").expect("an answer");
    }
    // An awaited future is not kept.
    let client = tokio::spawn(service.request(Method::GET, "/loser").send());
    service.wait_for_await("kept_loser", "gate.pass()").await;
    gate.open();
    let task = service
        .wait_for_await("kept_loser", "pending::<()>()")
        .await;
    assert_eq!(task["kept"], Value::Null, "{task:#}");
    service.post("_routes/kept_loser/interrupt").await.ok_json();
    client.await.expect("no panic").expect("an answer");
}

//! A change that is answered 200 never keeps the service from starting.

use std::cell::Cell;
use std::io::ErrorKind;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use underscore_runtime::AdminBuilder;

use super::Kept;

/// The error that keeps a service with the file at `path` from starting. One runs already with its
/// settings in another file, so a valid file is refused with `AlreadyExists`.
fn not_loaded(path: &Path) -> Option<String> {
    let socket = path.with_file_name("next.sock");
    let copy = path.with_file_name("copy.json");
    std::fs::copy(path, &copy).expect("copied");
    let started = AdminBuilder::new().settings_file(&copy).serve(socket);
    let error = started.expect_err("there is another file");
    (error.kind() != ErrorKind::AlreadyExists).then(|| error.to_string())
}

/// Holds 4.83 of docs/admin-api.md.
#[tokio::test]
async fn settings_that_would_make_the_file_too_large_are_refused_and_none_is_changed() {
    let kept = Kept::start(None).await;
    for path in ["/steered", "/one", "/two"] {
        kept.service.get(path).await;
    }
    // Six bytes each, escaped in JSON.
    let text = "\u{1}".repeat(64 << 10);
    let rows = kept
        .service
        .admin_json("_cat/routes/steered,twofold?format=json&h=id")
        .await;
    let ids: Vec<&str> = rows
        .as_array()
        .expect("a table")
        .iter()
        .filter_map(|row| row["id"].as_str())
        .collect();
    assert_eq!(ids.len(), 3, "{rows:#}");
    let body =
        || json!({"persistent": {"preempt": {"text": text}}, "transient": {"timeout": "9s"}});
    for id in &ids[..2] {
        kept.service
            .put(&format!("_routes/{id}/settings"), body())
            .await
            .ok_json();
    }
    let before = (
        std::fs::read(&kept.file).expect("read"),
        kept.settings().await,
    );
    let path = format!("_routes/{}/settings", ids[2]);
    for path in [path.clone(), format!("{path}?dry_run")] {
        let answer = kept.service.put(&path, body()).await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        let (kind, reason) = answer.error();
        assert_eq!(kind, "illegal_argument_exception");
        assert!(reason.contains("at most 1 MiB"), "{reason}");
        let after = (
            std::fs::read(&kept.file).expect("read"),
            kept.settings().await,
        );
        assert!(before == after, "{path}: something was done");
    }
    assert_eq!(not_loaded(&kept.file), None);
    // Reset the settings for the next test.
    let none = json!({"transient": null, "persistent": null});
    kept.service
        .put("_routes/_all/settings", none)
        .await
        .ok_json();
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::sample::select(vec![
            "",
            "\u{0}\u{7f}\u{2028}\u{feff}",
            "\"\\/",
            "\u{10ffff}"
        ])
        .prop_map(str::to_owned),
        (0..70_000_usize).prop_map(|length| "\u{1}".repeat(length)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (200..600_u16).prop_map(Value::from),
        (0.0..=1.0).prop_map(|ratio: f64| Value::from(ratio)),
        text().prop_map(Value::from),
        prop::sample::select(vec!["1s", "9999999d", "1.5ms", "0nanos"]).prop_map(Value::from),
        prop::collection::btree_map("[a-zA-Z.*_-]{1,9}", "[ -~]{0,200}", 0..70)
            .prop_map(|headers| json!(headers)),
    ]
}

const KEYS: [&str; 10] = [
    "delay",
    "interrupt.status",
    "limit.active",
    "limit.rate",
    "preempt.headers",
    "preempt.ratio",
    "preempt.reason",
    "preempt.status",
    "preempt.text",
    "timeout",
];

/// A setting with a mostly valid value, or any setting with any value.
fn setting() -> impl Strategy<Value = (&'static str, Value)> {
    let of =
        |key: &'static str, value: BoxedStrategy<Value>| value.prop_map(move |value| (key, value));
    let headers = prop::collection::btree_map("[a-z.*_-]{2,9}", "[ -~]{0,200}", 0..30);
    prop_oneof![
        of("preempt.text", text().prop_map(Value::from).boxed()),
        of(
            "preempt.headers",
            headers.prop_map(|headers| json!(headers)).boxed()
        ),
        of(
            "preempt.ratio",
            (0.0..=1.0)
                .prop_map(|ratio: f64| Value::from(ratio))
                .boxed()
        ),
        of(
            "limit.rate",
            (1e-300..1e9)
                .prop_map(|rate: f64| Value::from(rate))
                .boxed()
        ),
        of("limit.active", any::<u64>().prop_map(Value::from).boxed()),
        of(
            "preempt.reason",
            "[ -~]{0,300}".prop_map(Value::from).boxed()
        ),
        (prop::sample::select(KEYS.to_vec()), value()),
    ]
}

/// A change of some of the routes.
fn change() -> impl Strategy<Value = (&'static str, Value)> {
    let target = prop::sample::select(vec![
        "steered",
        "twofold",
        "_all",
        "*wofold",
        "%2Fone",
        "GET%20%2Ftwo",
    ]);
    let settings = prop::collection::vec(setting(), 1..3);
    (target, settings).prop_map(|(target, settings)| {
        let section: serde_json::Map<String, Value> = settings
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        (target, json!({"persistent": section}))
    })
}

/// Holds 4.83 of docs/admin-api.md.
#[test]
fn the_file_loads_after_any_accepted_changes() {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .worker_threads(1)
        .build();
    let runtime = runtime.expect("a runtime");
    let kept = runtime.block_on(async {
        let kept = Kept::start(None).await;
        for path in ["/steered", "/one", "/two"] {
            kept.service.get(path).await;
        }
        kept
    });
    let accepted = Cell::new(0);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 16,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let all_load = runner.run(&prop::collection::vec(change(), 1..10), |changes| {
        runtime.block_on(async {
            kept.service
                .put("_routes/_all/settings", json!({"persistent": null}))
                .await
                .ok_json();
            for (target, body) in changes {
                let answer = kept
                    .service
                    .put(&format!("_routes/{target}/settings"), body.clone())
                    .await;
                prop_assert!(
                    matches!(answer.status, 200 | 400 | 403 | 413),
                    "{body}: {answer:?}"
                );
                if answer.status == 200 {
                    accepted.set(accepted.get() + 1);
                    prop_assert_eq!(not_loaded(&kept.file), None, "{}", body);
                }
            }
            Ok(())
        })
    });
    all_load.expect("each file loads");
    assert!(accepted.get() > 20, "only {accepted:?} were taken");
}

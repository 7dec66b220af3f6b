//! A bundle of very many tasks.

use std::future::pending;

use crate::app;
use crate::support::Service;
use crate::support::process::own_process;
use crate::unpacked::{FILES, Unpacked, have_tar};

const TASKS: usize = 100_000;

/// Maximum number of rows of a file.
const MAX_ROWS: usize = 10_000;

/// Holds 19.6 of docs/admin-api.md.
#[tokio::test]
async fn a_bundle_of_many_tasks_is_bounded_and_says_so() {
    own_process!();
    if !have_tar() {
        return;
    }
    let service = Service::start(app()).await;
    for _ in 0..TASKS {
        underscore_runtime::spawn("one of many", pending::<()>());
    }
    tokio::task::yield_now().await;
    let bundle = Unpacked::get(&service, "").await;
    let errors = bundle.text("errors.txt");
    for name in ["tasks.txt", "tasks.json", "print_stack.txt"] {
        let note = format!("{name}: the first {MAX_ROWS} of {TASKS}\n");
        assert!(errors.contains(&note), "{errors}");
    }
    assert_eq!(bundle.names, FILES, "{errors}");
    assert_eq!(bundle.text("tasks.txt").lines().count(), 1 + MAX_ROWS);
    let tasks: serde_json::Value = serde_json::from_str(&bundle.text("tasks.json")).expect("JSON");
    assert_eq!(tasks["tasks"].as_array().expect("a list").len(), MAX_ROWS);
    let trees = bundle.text("print_stack.txt");
    let heads = trees.lines().filter(|line| line.starts_with("task "));
    assert_eq!(heads.count(), MAX_ROWS);
    let size: usize = FILES.iter().map(|name| bundle.bytes(name).len()).sum();
    assert!(size < 64 << 20, "{size}");
}

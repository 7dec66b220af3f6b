//! The contract of the admin API, docs/admin-api.md. `behaviours` checks that each numbered
//! sentence is held by a test, and `reliability` that each promise of docs/reliability.md names a
//! test.

#![forbid(unsafe_code)]

mod audit;
mod audit_table;
mod behaviours;
mod cat;
mod cat_stacks;
mod changes;
mod details;
mod dry_run;
mod endpoints;
mod errors;
mod filter_path;
mod formats;
mod interrupt;
mod lenient_input;
mod limits;
mod metrics;
mod options;
mod reliability;
mod response_marks;
mod selectors;
mod settings;
mod settings_refused;
mod settings_targets;
mod stats;
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod tasks;
mod tasks_list;

/// The contract.
const PAGE: &str = include_str!("../../underscore-runtime/docs/admin-api.md");

/// The rows of the first table after `from`, as cells without backticks.
fn rows_of_page(from: &str) -> Vec<Vec<String>> {
    let (_, rest) = PAGE.split_once(from).expect("it is on the page");
    let lines = rest.lines().skip_while(|line| !line.starts_with('|'));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    let cell = |cell: &str| cell.trim().trim_matches('`').to_owned();
    rows.map(|row| row.trim_matches('|').split('|').map(cell).collect())
        .collect()
}

//! Estimates the cost of a look: the number of rows that it renders.

use crate::admin::cat::words;
use crate::admin::endpoints::Endpoint;
use crate::admin::exchange::Exchange;
use crate::admin::params;
use crate::{table, task};

/// The number of tasks that are scanned in the time that it takes to render one row.
const PASSED_OVER: usize = 64;

/// The longest path and query of a short look: each pattern in them is matched against every row.
const MOST_TEXT: usize = 1_024;

/// The rows of a look at `endpoint`, and `usize::MAX` for a long path or query.
pub(in crate::admin) fn rows(endpoint: &Endpoint, exchange: &Exchange) -> usize {
    if exchange.text_length() > MOST_TEXT {
        return usize::MAX;
    }
    let path = endpoint.path;
    let is_below = |parts: &[&str]| parts.iter().any(|part| path.starts_with(part));
    if is_below(&["/_metrics"]) {
        everything()
    } else if is_below(&["/_cat/stacks"]) {
        // Each task may have a stack of its own.
        task::live_count()
    } else if is_below(&["/_cat/tasks", "/_tasks"]) {
        let live = task::live_count();
        let rows = tasks(endpoint, exchange).unwrap_or(live).min(live);
        rows.saturating_add(live / PASSED_OVER)
    } else if is_below(&["/_cat/routes", "/_routes"]) {
        table::entry_count()
    } else {
        // Workers and the audit are bounded.
        0
    }
}

/// The number of tasks that are rendered, `None` for all.
fn tasks(endpoint: &Endpoint, exchange: &Exchange) -> Option<usize> {
    let named = exchange
        .argument()
        .filter(|list| words(list).all(|word| word != "_all"))
        .map(|list| words(list).count());
    let is_sorted = || exchange.value(&params::S).is_some_and(|s| !s.is_empty());
    let page = || {
        let page = exchange.count(&params::SIZE);
        page.filter(|_| endpoint.is_table() && !is_sorted())
    };
    named.or_else(page)
}

/// The number of all tasks and routes.
pub(in crate::admin) fn everything() -> usize {
    task::live_count().saturating_add(table::entry_count())
}

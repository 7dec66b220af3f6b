//! The estimated cost of a read: the number of rows that it renders. Short reads have threads of
//! their own, see [`offload`](super::offload).

use super::params;
use super::request::Request;
use super::words::comma_list;
use crate::{connection, routes, task};

/// The number of tasks that are scanned in the time that it takes to render one row.
const SCANNED_PER_ROW: usize = 64;

/// The longest path and query of a short read: each pattern in them is matched against every row.
const LONGEST_SHORT_TEXT: usize = 1_024;

/// The quantity that determines the cost of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    /// Negligible: the answer is computed on the thread that reads requests.
    Inline,
    /// Small and bounded.
    Bounded,
    /// The number of the service's connections.
    Connections,
    /// The number of routes.
    Routes,
    /// The number of tasks that are named, or that fit on the page, and of all that are scanned.
    Tasks,
    /// The number of all tasks, because each may have a different stack.
    Stacks,
    /// The number of all tasks and routes.
    Everything,
}

impl Cost {
    /// The rows of a read, and `usize::MAX` for a long path or query.
    pub(super) fn rows(self, request: &Request) -> usize {
        if request.text_length() > LONGEST_SHORT_TEXT {
            return usize::MAX;
        }
        match self {
            Cost::Inline | Cost::Bounded => 0,
            Cost::Connections => connection::count(),
            Cost::Routes => routes::entry_count(),
            Cost::Tasks => {
                let live = task::live_count();
                let rows = selected_tasks(request).unwrap_or(live).min(live);
                rows.saturating_add(live / SCANNED_PER_ROW)
            }
            Cost::Stacks => task::live_count(),
            Cost::Everything => all_rows(),
        }
    }
}

/// The number of tasks that are rendered, `None` for all.
fn selected_tasks(request: &Request) -> Option<usize> {
    let named = request
        .argument()
        .filter(|list| comma_list(list).all(|word| word != "_all"))
        .map(|list| comma_list(list).count());
    let is_sorted = || request.value(&params::S).is_some_and(|s| !s.is_empty());
    // Only tables know `size`.
    let page = || request.count(&params::SIZE).filter(|_| !is_sorted());
    named.or_else(page)
}

/// The number of all tasks and routes.
pub(super) fn all_rows() -> usize {
    task::live_count().saturating_add(routes::entry_count())
}

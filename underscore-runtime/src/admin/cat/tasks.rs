//! `_cat/tasks`: all work in progress, the route that it is for, and the line that it waits at. The
//! columns are those of `task_properties`.

use std::sync::LazyLock;

use super::column::{Column, Columns};
use super::table;
use crate::admin::error::Error;
use crate::admin::render::Answer;
use crate::admin::request::Request;
use crate::admin::select::TaskFilter;
use crate::admin::task_properties::{ColumnInfo, PROPERTIES, Property};
use crate::admin::task_snapshot::{TaskSnapshot, oldest_first, snapshots_in_state};
use crate::task::TaskRef;

/// The order of the columns.
const ORDER: [&str; 32] = [
    "id",
    "name",
    "coro",
    "route_id",
    "parent_task_id",
    "type",
    "method",
    "path",
    "uri",
    "state",
    "stage",
    "running_time",
    "running_time_ns",
    "waiting_time",
    "where",
    "awaiting",
    "holding",
    "kept",
    "cancellable",
    "cancelling",
    "polls",
    "thread",
    "runtime",
    "remote",
    "connection",
    "http_version",
    "x_opaque_id",
    "request_id",
    "trace_id",
    "bytes_sent",
    "start_time",
    "timestamp",
];

static COLUMNS: Columns<TaskSnapshot> = LazyLock::new(|| {
    let property = |name| PROPERTIES.iter().find(|property| property.name == name);
    ORDER
        .into_iter()
        .filter_map(property)
        .filter_map(column)
        .collect()
});

fn column(property: &Property) -> Option<Column<TaskSnapshot>> {
    let ColumnInfo {
        aliases,
        help,
        is_number,
        is_default,
        is_time_of_day,
    } = property.column?;
    let column = if is_number {
        Column::numbers(property.name, aliases, help, property.value)
    } else {
        Column::words(property.name, aliases, help, property.value)
    };
    Some(Column {
        is_default,
        is_time_of_day,
        ..column
    })
}

/// `GET /_cat/tasks[/{tasks}]`.
pub(in crate::admin) fn table(request: &Request) -> Result<Answer, Error> {
    // An invalid filter is an error only if rows are requested, not for help.
    let filter = TaskFilter::read(request);
    let state = filter.as_ref().ok().and_then(TaskFilter::state);
    table::answer_of(
        request,
        &COLUMNS,
        || tasks(request, &filter?),
        |tasks| snapshots_in_state(tasks, state, request.uris.clone()),
        |_| &[],
    )
}

fn tasks(request: &Request, filter: &TaskFilter) -> Result<Vec<TaskRef>, Error> {
    let mut tasks = filter.tasks(request.argument().unwrap_or("_all"))?;
    oldest_first(&mut tasks);
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::super::column::assert_names_are_unique;
    use super::*;

    #[test]
    fn every_property_with_a_column_has_a_place() {
        let has_column = |property: &&Property| property.column.is_some();
        assert_eq!(PROPERTIES.iter().filter(has_column).count(), ORDER.len());
        assert_eq!(COLUMNS.len(), ORDER.len());
    }

    #[test]
    fn names_and_aliases_are_unique() {
        assert_names_are_unique(&COLUMNS);
    }
}

//! `_cat`: tables for people. What every table can do is in `table`; each table is a file with its
//! rows and a list of its columns.

pub(super) mod audit;
pub(super) mod routes;
mod sort;
pub(super) mod stacks;
mod table;
pub(super) mod tasks;
mod value;
pub(super) mod workers;

use super::endpoints;
use super::error::Error;
use super::exchange::Exchange;
use super::render::Answer;

pub(super) use table::{list as words, matches_pattern, object};
pub(super) use tasks::{STATES, date_and_time, epoch_millis, state_word};
use value::Value;

/// `GET /_cat`: the tables there are.
#[allow(clippy::unnecessary_wraps, reason = "endpoints have one signature")]
pub(super) fn list(_: &Exchange) -> Result<Answer, Error> {
    let mut text = String::from("=^.^=\n");
    let tables = endpoints::paths()
        .into_iter()
        .filter_map(|path| path.strip_prefix("/_cat"))
        .filter(|table| !table.is_empty());
    for table in tables {
        let table = table.replace("{routes}", "{route_id}");
        text.push_str(&table.replace("{tasks}", "{task_id}"));
        text.push('\n');
    }
    Ok(Answer::Text(text))
}

//! `POST /_connections/{connections}/_close` and `POST /_connections/_close?state=...`: closes
//! connections of the service.

use super::{Filter, Row, by_ids};
use crate::admin::endpoint::AnswerFuture;
use crate::admin::error::Error;
use crate::admin::offload::Offload;
use crate::admin::params::{self, CONNECTION_FILTER};
use crate::admin::render::{Answer, Node};
use crate::admin::request::Request;
use crate::admin::words::{self, comma_list};
use crate::connection;

pub(in crate::admin) fn post(request: Request, offload: Offload) -> AnswerFuture {
    Box::pin(async move {
        request.no_body(CONNECTION_FILTER)?;
        if request.flag(&params::DRY_RUN) {
            let cancellation = request.cancellation().clone();
            let read = move || choose(&request).map(|chosen| would_close(&chosen));
            return offload.read(&cancellation, connection::count, read).await;
        }
        let close = move || choose(&request).map(|chosen| close(&chosen));
        offload.change(close).await?
    })
}

/// The connections that the request names, limited to those that its filter matches.
fn choose(request: &Request) -> Result<Vec<Row>, Error> {
    let filter = Filter::read(request)?;
    let named = match request.argument() {
        Some(list) if comma_list(list).next().is_some() => by_ids(list)?,
        None if !filter.is_empty() => by_ids("_all")?,
        _ => {
            let names: Vec<&str> = CONNECTION_FILTER.iter().map(|param| param.name).collect();
            return Err(Error::illegal_argument(format!(
                "no connections are named; POST /_connections/{{connections}}/_close with ids or _all, or choose with {}",
                names.join("=, ") + "="
            )));
        }
    };
    Ok(filter.rows_of(named))
}

fn would_close(chosen: &[Row]) -> Answer {
    let tasks = chosen.iter().map(|row| row.info().active());
    let tasks: u64 = tasks.map(u64::from).sum();
    let hit = Node::object([
        ("connections", Node::Integer(chosen.len() as u64)),
        ("tasks", Node::Integer(tasks)),
    ]);
    let states = chosen.iter().map(|row| {
        let state = Node::text(words::connection_state(row.state));
        (row.info().id().to_string(), state)
    });
    Answer::Node(Node::object([
        ("dry_run", Node::Bool(true)),
        ("would_hit", hit),
        ("connections", Node::object(states)),
    ]))
}

/// Closes the connections, and reports which of them were open.
fn close(chosen: &[Row]) -> Answer {
    let mut closed = 0;
    let report: Vec<(String, Node)> = chosen
        .iter()
        .map(|row| {
            let word = if row.connection.close() {
                closed = u64::saturating_add(closed, 1);
                "closed"
            } else {
                "closed_before"
            };
            (row.info().id().to_string(), Node::text(word))
        })
        .collect();
    Answer::Node(Node::object([
        ("acknowledged", Node::Bool(true)),
        ("closed", Node::Integer(closed)),
        ("connections", Node::object(report)),
    ]))
}

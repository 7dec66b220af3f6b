//! `POST /_connections/{connections}/_close` and `POST /_connections/_close?state=...`: closes
//! connections of the service.

use super::{Filter, by_ids};
use crate::admin::endpoint::ChangeFuture;
use crate::admin::error::Error;
use crate::admin::offload::Offload;
use crate::admin::params::{self, CONNECTION_FILTER};
use crate::admin::render::{Answer, Node};
use crate::admin::request::Request;
use crate::admin::words::comma_list;
use crate::clock::Instant;
use crate::connection::OpenConnection;
use crate::sync::Arc;

pub(in crate::admin) fn post(request: Request, offload: Offload) -> ChangeFuture {
    Box::pin(async move {
        request.no_body(CONNECTION_FILTER)?;
        if request.flag(&params::DRY_RUN) {
            return choose(&request).map(|chosen| would_close(&chosen));
        }
        let close = move || choose(&request).map(|chosen| close(&chosen));
        offload.change(close).await?
    })
}

/// The connections that the request names, limited to those that its filter matches.
fn choose(request: &Request) -> Result<Vec<Arc<dyn OpenConnection>>, Error> {
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
    let now = Instant::now();
    let matches = |connection: &Arc<dyn OpenConnection>| filter.matches(&**connection, now);
    Ok(named.into_iter().filter(matches).collect())
}

fn would_close(chosen: &[Arc<dyn OpenConnection>]) -> Answer {
    let tasks = chosen.iter().map(|connection| connection.info().active());
    let tasks: u64 = tasks.map(u64::from).sum();
    let hit = Node::object([
        ("connections", Node::Integer(chosen.len() as u64)),
        ("tasks", Node::Integer(tasks)),
    ]);
    let states = chosen.iter().map(|connection| {
        let info = connection.info();
        (info.id().to_string(), Node::text(info.state().as_str()))
    });
    Answer::Node(Node::object([
        ("dry_run", Node::Bool(true)),
        ("would_hit", hit),
        ("connections", Node::object(states)),
    ]))
}

/// Closes the connections, and reports which of them were open.
fn close(chosen: &[Arc<dyn OpenConnection>]) -> Answer {
    let mut closed = 0;
    let report: Vec<(String, Node)> = chosen
        .iter()
        .map(|connection| {
            let word = if connection.close() {
                closed = u64::saturating_add(closed, 1);
                "closed"
            } else {
                "closed_before"
            };
            (connection.info().id().to_string(), Node::text(word))
        })
        .collect();
    Answer::Node(Node::object([
        ("acknowledged", Node::Bool(true)),
        ("closed", Node::Integer(closed)),
        ("connections", Node::object(report)),
    ]))
}

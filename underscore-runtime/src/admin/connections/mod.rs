//! The service's own connections: selection by ids and filters, and the requests that close them.

pub(super) mod close;
pub(super) mod drain;

use std::collections::HashSet;
use std::time::Duration;

use super::error::Error;
use super::params::{self, Param};
use super::request::Request;
use super::words::{CONNECTION_STATES, comma_list, connection_state, parse_connection_state};
use crate::clock::Instant;
use crate::connection::{ConnectionInfo, ConnectionState, OpenConnection, all, find};
use crate::sync::Arc;
use crate::visible::echo;

/// A connection at one moment.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) connection: Arc<dyn OpenConnection>,
    /// Its state at that moment: by now it may have another one, which was not asked for.
    pub(super) state: ConnectionState,
    pub(super) now: Instant,
}

impl Row {
    pub(super) fn info(&self) -> &ConnectionInfo {
        self.connection.info()
    }
}

/// The conditions of `state=` and `older_than=`.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    states: Option<Vec<ConnectionState>>,
    older_than: Option<Duration>,
}

impl Filter {
    pub(super) fn read(request: &Request) -> Result<Self, Error> {
        let states = request.value(&params::CONNECTION_STATE);
        Ok(Filter {
            states: states
                .map(|list| parse_states(&params::CONNECTION_STATE, list))
                .transpose()?,
            older_than: request.duration(&params::OLDER_THAN),
        })
    }

    fn is_empty(&self) -> bool {
        self.states.is_none() && self.older_than.is_none()
    }

    /// True if the connection has one of the states and is old enough.
    fn matches(&self, row: &Row) -> bool {
        let states = self.states.as_ref();
        let age = row.info().age(row.now);
        states.is_none_or(|states| states.contains(&row.state))
            && self.older_than.is_none_or(|older_than| age > older_than)
    }

    /// All connections that match.
    pub(super) fn rows(&self) -> Vec<Row> {
        self.rows_of(all())
    }

    /// Those of `connections` that match.
    fn rows_of(&self, connections: Vec<Arc<dyn OpenConnection>>) -> Vec<Row> {
        let now = Instant::now();
        let rows = connections.into_iter().map(|connection| Row {
            state: connection.info().state(),
            connection,
            now,
        });
        rows.filter(|row| self.matches(row)).collect()
    }
}

/// Parses a comma-separated list of states, the value of `param`.
fn parse_states(param: &Param, list: &str) -> Result<Vec<ConnectionState>, Error> {
    let parse = |word: &str| {
        parse_connection_state(word).ok_or_else(|| {
            let words = CONNECTION_STATES.map(connection_state);
            Error::unknown_value(param.name, word, &words)
        })
    };
    comma_list(list).map(parse).collect()
}

/// The connections with the ids in a comma-separated list.
fn by_ids(list: &str) -> Result<Vec<Arc<dyn OpenConnection>>, Error> {
    if comma_list(list).any(|word| word == "_all") {
        return Ok(all());
    }
    let mut chosen: Vec<Arc<dyn OpenConnection>> = Vec::new();
    let mut ids = HashSet::new();
    for word in comma_list(list) {
        if !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::illegal_argument(format!(
                "connection id [{}] must be a decimal number or _all",
                echo(word)
            )));
        }
        let Some(connection) = word.parse().ok().and_then(find) else {
            return Err(Error::not_found(format!(
                "no connection [{}]; it has ended or never existed",
                echo(word)
            )));
        };
        if ids.insert(connection.info().id()) {
            chosen.push(connection);
        }
    }
    Ok(chosen)
}

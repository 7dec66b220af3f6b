//! `_routes`: routes as structures, and what can be done to them.

pub(super) mod interrupt;
pub(super) mod settings;

use super::cat;
use super::error::Error;
use super::exchange::Exchange;
use super::render::{Answer, Node};

/// `GET /_routes[/{routes}]`: the columns of `_cat/routes` under each route's id.
pub(super) fn get(exchange: &Exchange) -> Result<Answer, Error> {
    objects(exchange, |column| column != "id")
}

/// `GET /_routes[/{routes}]/stats`: the same, and only what is counted.
pub(super) fn stats(exchange: &Exchange) -> Result<Answer, Error> {
    objects(exchange, |column| column.starts_with("stats."))
}

fn objects(exchange: &Exchange, wanted: fn(&str) -> bool) -> Result<Answer, Error> {
    let rows = cat::routes::rows(exchange.argument(), exchange.watch())?;
    let object = |row| cat::object(row, cat::routes::COLUMNS, wanted);
    let rows = rows.iter().take_while(|_| exchange.is_wanted());
    let routes = rows.map(|row| (row.id(), object(row)));
    Ok(Answer::Node(Node::object(routes)))
}

//! `_routes`: routes as structures, their settings, and the interrupt of their requests.

pub(super) mod interrupt;
pub(super) mod settings;

use super::cat;
use super::error::Error;
use super::render::{Answer, Node};
use super::request::Request;

/// `GET /_routes[/{routes}]`: the columns of `_cat/routes` under each route's id.
pub(super) fn get(request: &Request) -> Result<Answer, Error> {
    objects(request, |column| column != "id")
}

/// `GET /_routes[/{routes}]/stats`: only the columns of `stats`.
pub(super) fn stats(request: &Request) -> Result<Answer, Error> {
    objects(request, |column| column.starts_with("stats."))
}

fn objects(request: &Request, wanted: fn(&str) -> bool) -> Result<Answer, Error> {
    let rows = cat::routes::rows(request.argument(), request.cancellation())?;
    let object = |row| cat::object(row, &cat::routes::COLUMNS, wanted);
    let rows = rows.iter().take_while(|_| !request.is_cancelled());
    let routes = rows.map(|row| (row.id(), object(row)));
    Ok(Answer::Node(Node::object(routes)))
}

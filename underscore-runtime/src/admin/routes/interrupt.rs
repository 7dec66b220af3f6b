//! `POST /_routes/{routes}/interrupt`: ends the requests of routes, and says what became of each.

use crate::admin::ending::{self, Chosen, Terms};
use crate::admin::endpoints::Changing;
use crate::admin::error::Error;
use crate::admin::exchange::Exchange;
use crate::admin::offload::Offload;
use crate::admin::select;

pub(in crate::admin) fn post(exchange: Exchange, offload: Offload) -> Changing {
    Box::pin(ending::end(exchange, offload, choose))
}

fn choose(exchange: &Exchange, terms: &Terms) -> Result<Chosen, Error> {
    let selector = exchange.argument().unwrap_or_default();
    let entries = select::routes_to_change(selector)?;
    let tasks = terms.of_routes(&entries);
    let routes = Some(entries);
    Ok(Chosen { tasks, routes })
}

//! `POST /_tasks/{tasks}/_cancel` and `POST /_tasks/_cancel?routes=...`: ends single tasks, or those that a
//! filter finds.

use crate::admin::cat::words;
use crate::admin::ending::{self, Chosen, Terms};
use crate::admin::endpoints::Changing;
use crate::admin::error::Error;
use crate::admin::exchange::Exchange;
use crate::admin::offload::Offload;
use crate::admin::params::TASK_FILTER;
use crate::admin::select::TaskFilter;

pub(in crate::admin) fn post(exchange: Exchange, offload: Offload) -> Changing {
    Box::pin(ending::end(exchange, offload, choose))
}

fn choose(exchange: &Exchange, _: &Terms) -> Result<Chosen, Error> {
    let filter = TaskFilter::read_to_change(exchange)?;
    let selector = match exchange.argument() {
        Some(selector) => selector,
        // Everything is never what someone means who names nothing.
        None if filter.is_empty() => {
            let names: Vec<&str> = TASK_FILTER.iter().map(|param| param.name).collect();
            return Err(Error::illegal_argument(format!(
                "no tasks are named; POST /_tasks/{{tasks}}/_cancel with ids or _all, or choose with {}",
                names.join("=, ") + "="
            )));
        }
        None => "_all",
    };
    if words(selector).next().is_none() {
        return Err(Error::illegal_argument(
            "no tasks are named; write their ids or _all",
        ));
    }
    let tasks = filter.tasks(selector)?;
    let routes = None;
    Ok(Chosen { tasks, routes })
}

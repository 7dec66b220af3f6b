//! `POST /_tasks/{tasks}/_cancel` and `POST /_tasks/_cancel?routes=...`: ends single tasks, or those that a
//! filter finds.

use crate::admin::cat::words;
use crate::admin::ending::{Terms, end};
use crate::admin::endpoints::Changing;
use crate::admin::error::Error;
use crate::admin::exchange::Exchange;
use crate::admin::params::{self, TASK_FILTER};
use crate::admin::render::Answer;
use crate::admin::select::TaskFilter;

pub(in crate::admin) fn post(exchange: Exchange) -> Changing {
    Box::pin(async move { cancel(&exchange).await.map(Into::into) })
}

async fn cancel(exchange: &Exchange) -> Result<Answer, Error> {
    let terms = Terms::read(exchange)?;
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
    if exchange.flag(&params::DRY_RUN) {
        return Ok(terms.would_end(tasks, None));
    }
    Ok(end(tasks, &terms).await)
}

//! `POST /_tasks/{tasks}/_cancel` and `POST /_tasks/_cancel?routes=...`: interrupts single tasks,
//! or those that a filter accepts.

use crate::admin::endpoint::AnswerFuture;
use crate::admin::error::Error;
use crate::admin::interrupt::{self, InterruptOptions, Targets};
use crate::admin::offload::Offload;
use crate::admin::params::TASK_FILTER;
use crate::admin::request::Request;
use crate::admin::select::TaskFilter;
use crate::admin::words::comma_list;

pub(in crate::admin) fn post(request: Request, offload: Offload) -> AnswerFuture {
    Box::pin(interrupt::interrupt_tasks(request, offload, choose))
}

fn choose(request: &Request, _: &InterruptOptions) -> Result<Targets, Error> {
    let filter = TaskFilter::read_to_change(request)?;
    let selector = match request.argument() {
        Some(selector) => selector,
        // A missing selector must not mean all tasks.
        None if filter.is_empty() => {
            let names: Vec<&str> = TASK_FILTER.iter().map(|param| param.name).collect();
            return Err(Error::illegal_argument(format!(
                "no tasks are named; POST /_tasks/{{tasks}}/_cancel with ids or _all, or choose with {}",
                names.join("=, ") + "="
            )));
        }
        None => "_all",
    };
    if comma_list(selector).next().is_none() {
        return Err(Error::illegal_argument(
            "no tasks are named; write their ids or _all",
        ));
    }
    let tasks = filter.tasks(selector)?;
    let routes = None;
    Ok(Targets { tasks, routes })
}

//! `POST /_routes/{routes}/interrupt`: interrupts the requests of routes.

use crate::admin::endpoint::AnswerFuture;
use crate::admin::error::Error;
use crate::admin::interrupt::{self, InterruptOptions, Targets};
use crate::admin::offload::Offload;
use crate::admin::request::Request;
use crate::admin::select;

pub(in crate::admin) fn post(request: Request, offload: Offload) -> AnswerFuture {
    Box::pin(interrupt::interrupt_tasks(request, offload, choose))
}

fn choose(request: &Request, options: &InterruptOptions) -> Result<Targets, Error> {
    let selector = request.argument().unwrap_or_default();
    let entries = select::routes_to_change(selector)?;
    let tasks = options.of_routes(&entries);
    let routes = Some(entries);
    Ok(Targets { tasks, routes })
}

//! `POST /_routes/{routes}/interrupt`: ends the requests of routes, and says what became of each.

use crate::admin::dry_run::Traffic;
use crate::admin::ending::{Terms, end};
use crate::admin::endpoints::Changing;
use crate::admin::error::Error;
use crate::admin::exchange::Exchange;
use crate::admin::render::Answer;
use crate::admin::{params, select};

pub(in crate::admin) fn post(exchange: Exchange) -> Changing {
    Box::pin(async move { interrupt(&exchange).await.map(Into::into) })
}

async fn interrupt(exchange: &Exchange) -> Result<Answer, Error> {
    let terms = Terms::read(exchange)?;
    let selector = exchange.argument().unwrap_or_default();
    let entries = select::routes_to_change(selector)?;
    let tasks = terms.of_routes(&entries);
    if exchange.flag(&params::DRY_RUN) {
        return Ok(terms.would_end(tasks, Traffic::now().share_of(&entries)));
    }
    Ok(end(tasks, &terms).await)
}

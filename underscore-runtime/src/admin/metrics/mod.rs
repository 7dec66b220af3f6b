//! `/_metrics`: the numbers of the tables for Prometheus. They are collected by each scrape, and no
//! state is kept between scrapes.

mod accept;
mod exemplars;
mod exposition;
mod families;
mod family;
mod http;
mod process;
mod process_families;
mod snapshot;

use super::error::Error;
use super::params;
use super::render::Answer;
use super::request::Request;
use exposition::Exposition;
use snapshot::Snapshot;

/// `GET /_metrics`.
pub(super) fn get(request: &Request) -> Result<Answer, Error> {
    let exposition = exposition(request)?;
    Ok(Answer::Written {
        content_type: exposition.content_type(),
        text: exposition.write(
            Snapshot::take(request.cancellation())?,
            request.cancellation(),
        ),
    })
}

/// The requested format. As everywhere, the parameter overrides the header.
fn exposition(request: &Request) -> Result<Exposition, Error> {
    let Some(word) = request.value(&params::FORMAT) else {
        return Ok(accept::negotiate(request.accept()));
    };
    Exposition::parse(word).ok_or_else(|| {
        let words = Exposition::words();
        match word {
            "json" | "yaml" => Error::illegal_argument(format!(
                "[/_metrics] is Prometheus' text and cannot be {word}; parameter [format] must be \
                 one of {}; [/_cat/routes?h=*&format={word}] has the numbers of the routes",
                words.join(", ")
            )),
            _ => Error::unknown_value("format", word, &words),
        }
    })
}

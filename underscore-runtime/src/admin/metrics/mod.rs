//! `/_metrics`: the numbers of the tables for Prometheus. They are collected when they are asked for, so
//! nothing is kept from one scrape to the next, and nothing grows when nobody scrapes.

mod accept;
mod exposition;
mod families;
mod snapshot;

use super::error::Error;
use super::exchange::Exchange;
use super::params;
use super::render::Answer;
use exposition::Exposition;
use snapshot::Snapshot;

/// `GET /_metrics`.
pub(super) fn get(exchange: &Exchange) -> Result<Answer, Error> {
    let exposition = wanted(exchange)?;
    Ok(Answer::Written {
        content_type: exposition.content_type(),
        text: exposition.write(Snapshot::take(exchange.watch())?, exchange.watch()),
    })
}

/// The format that was asked for: the parameter beats the header, as everywhere.
fn wanted(exchange: &Exchange) -> Result<Exposition, Error> {
    let Some(word) = exchange.value(&params::FORMAT) else {
        return Ok(accept::best(exchange.accept()));
    };
    Exposition::parse(word).ok_or_else(|| {
        let words = Exposition::words();
        match word {
            "json" | "yaml" => Error::illegal_argument(format!(
                "[/_metrics] is Prometheus' text and cannot be {word}; parameter [format] must be one of {}; \
                 [/_cat/routes?h=*&format={word}] has the numbers of the routes",
                words.join(", ")
            )),
            _ => Error::unknown_value("format", word, &words),
        }
    })
}

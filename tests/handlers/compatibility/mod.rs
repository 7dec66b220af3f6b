//! The bare attribute changes no response. Each handler is written once and mounted twice, with the
//! attribute and without it, and both respond alike to the same request, rejections included.
//!
//! axum's own examples are run by `tests/axum-examples`.
#![forbid(unsafe_code)]

mod complete;
mod of_axum;
mod of_axum_bodies;
mod of_axum_extra;
mod of_ones_own;
mod returned;
mod served;
mod table;
#[allow(
    clippy::diverging_sub_expression,
    clippy::unused_async,
    reason = "in code that axum's own macros generate"
)]
mod tools;
mod typed_paths;
mod written;

use axum::extract::FromRef;
use axum_extra::extract::cookie::Key;

/// The state of every handler in the tables.
#[derive(Clone)]
struct App {
    greeting: &'static str,
    key: Key,
}

impl FromRef<App> for Key {
    fn from_ref(app: &App) -> Self {
        app.key.clone()
    }
}

/// The extension of every handler.
#[derive(Clone, Copy)]
struct Word(&'static str);

/// The limit of bodies in bytes.
const LONGEST_BODY: usize = 400;

#[tokio::test]
async fn extractors_of_axum_answer_as_without_the_attribute() {
    table::play(of_axum::cases()).await;
    table::play(of_axum_bodies::cases()).await;
}

#[tokio::test]
async fn extractors_of_axum_extra_answer_as_without_the_attribute() {
    table::play(of_axum_extra::cases()).await;
}

#[tokio::test]
async fn own_extractors_answer_as_without_the_attribute() {
    table::play(of_ones_own::cases()).await;
}

#[tokio::test]
async fn every_return_type_answers_as_without_the_attribute() {
    table::play(returned::cases()).await;
}

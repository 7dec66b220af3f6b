//! A real Prometheus scrapes two replicas: its quantiles over both are those of the requests, the
//! metrics are in its formats, and the alert rules of `docs/fleet` are valid.
//!
//! The tests are skipped where `prometheus` and `promtool` are missing, and fail there with
//! `UNDERSCORE_REQUIRE_TOOLS=1`.

#[path = "../support/mod.rs"]
mod support;

mod dashboard;
mod exemplars;
mod formats;
mod quantiles;
mod replica;
mod rules;
mod server;
mod tools;

//! The admin API, the only part of the crate that knows words of HTTP and JSON.
//!
//! A request goes through [`router`], the table of endpoints, and [`dispatch`], which checks it,
//! runs the endpoint's handler and writes the answer. A handler sees a [`request`](mod@request) and
//! returns an answer; it imports neither of the two. A new endpoint is one entry of the table and
//! one file.

mod audit;
mod bad_request;
mod blocked_workers;
mod bundle;
mod cancellation;
mod captures;
mod cat;
mod connections;
mod cost;
mod cross_origin;
mod curl;
mod dispatch;
mod dry_run;
mod elasticsearch;
mod ended;
mod ended_snapshot;
mod endpoint;
mod error;
mod events;
mod expires_in;
mod filter_path;
mod health_report;
mod health_snapshot;
mod interrupt;
#[cfg(feature = "live")]
mod live;
mod logger;
mod metrics;
mod metrics_router;
mod offload;
mod params;
mod policy;
mod profile;
mod read_body;
#[cfg(test)]
mod readme;
mod render;
mod request;
mod resources;
mod root;
mod router;
mod routes;
mod select;
mod task_properties;
mod task_snapshot;
mod tasks;
mod value;
mod words;
mod write_access;

pub(crate) use audit::{Peer, file_changed};
pub(crate) use bad_request::BadRequest;
pub(crate) use captures::writer as capture_writer;
pub use metrics_router::metrics_router;
pub(crate) use offload::Pool;
pub(crate) use policy::{Policy, Redact};
pub(crate) use read_body::{LARGEST_BODY, ReadTimeout};
pub(crate) use render::Endless;
pub use router::admin_router;
pub(crate) use router::router;
pub(crate) use write_access::WriteAccess;

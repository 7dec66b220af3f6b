//! What happened on a route, counted: the ends of its tasks by outcome and status class, how many
//! began in the last minutes, and the times that responses took. Each thread counts in its own
//! shard of a route.

mod blocking;
mod bucket;
mod compressed;
mod counts;
mod elias_gamma;
mod histogram;
mod history;
mod ring;
mod route_stats;
mod second;
mod shard;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use blocking::{Blocking, BlockingSnapshot};
pub(crate) use counts::{Outcome, StatsSnapshot, StatusClass};
#[cfg(test)]
pub(crate) use route_stats::SHARDS;
pub(crate) use route_stats::{RouteStats, ShardIndex};
pub(crate) use window::{Measure, Recent, WINDOWS};

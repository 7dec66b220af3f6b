//! The statistics of a route: ended tasks by outcome and status class, begun tasks and response
//! times of the last minutes. Each thread counts in its own shard.

mod blocking;
mod bucket;
mod compressed;
mod counts;
mod elias_gamma;
mod end;
mod end_totals;
mod histogram;
mod history;
mod merged;
mod ring;
mod route_stats;
mod second;
mod shard;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use blocking::{Blocking, BlockingSnapshot};
pub(crate) use counts::{Outcome, StatsSnapshot, StatusClass};
pub(crate) use end::class_of;
pub(crate) use end_totals::{BOUNDED, BOUNDS, EndSeries, bound_index};
#[cfg(test)]
pub(crate) use route_stats::SHARDS;
pub(crate) use route_stats::{RouteStats, ShardIndex};
pub(crate) use window::{Measure, Recent, WINDOWS};

//! The runtime's own statistics, without their unit tests: loom's atomics exist only in a model.

#[path = "../../underscore-runtime/src/stats/bucket.rs"]
mod bucket;
#[path = "../../underscore-runtime/src/stats/compressed.rs"]
mod compressed;
#[path = "../../underscore-runtime/src/stats/counts.rs"]
mod counts;
#[path = "../../underscore-runtime/src/stats/elias_gamma.rs"]
mod elias_gamma;
#[path = "../../underscore-runtime/src/stats/end.rs"]
mod end;
#[path = "../../underscore-runtime/src/stats/end_totals.rs"]
mod end_totals;
#[path = "../../underscore-runtime/src/stats/histogram.rs"]
mod histogram;
#[path = "../../underscore-runtime/src/stats/history.rs"]
mod history;
#[path = "../../underscore-runtime/src/stats/merged.rs"]
mod merged;
#[path = "../../underscore-runtime/src/stats/ring.rs"]
mod ring;
#[path = "../../underscore-runtime/src/stats/route_stats.rs"]
mod route_stats;
#[path = "../../underscore-runtime/src/stats/second.rs"]
mod second;
#[path = "../../underscore-runtime/src/stats/shard.rs"]
mod shard;
#[path = "../../underscore-runtime/src/stats/window.rs"]
mod window;

pub(crate) use counts::{Outcome, StatsSnapshot, StatusClass};
pub(crate) use route_stats::{RouteStats, ShardIndex};
pub(crate) use window::Measure;

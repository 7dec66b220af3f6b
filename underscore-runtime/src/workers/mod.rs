//! The workers of tokio's runtimes, and the sampler that finds blocked ones. The records that
//! threads write about themselves are in `threads`.

mod discovery;
mod identify;
mod limit;
mod report;
mod runtimes;
mod sampler;
mod stall;
mod utilization;
mod view;

pub(crate) use limit::{blocked_after, set_blocked_after};
pub(crate) use runtimes::{register_current_runtime, unregister};
pub(crate) use sampler::{Sampler, clear, period};
pub(crate) use view::{WorkerSnapshot, WorkerState, by_runtime, listed_workers, workers};

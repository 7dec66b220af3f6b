//! The monotonic clock that measures every duration: the TSC where the processor keeps it steady,
//! the system's clock otherwise. Times of day are computed from it for display only.

mod coarse;
mod instant;
mod system;
mod tsc;

pub(crate) use coarse::AtomicInstant;
pub(crate) use coarse::{coarse, is_coarse_running, publish_coarse, stop_coarse};
pub(crate) use instant::Instant;
pub(crate) use tsc::calibrate_in_background;

//! The threads that poll tasks. Each has a record, which it alone writes: the task that it is
//! polling and since when, and which worker of its runtime it is. `workers` finds out whether it is
//! blocked.

mod is_worker;
mod kernel;
mod new_runtimes;
mod record;
mod runtime_number;
mod worker_counts;
mod worker_search;

pub(crate) use kernel::{Sleep, wait as kernel_wait};
pub(crate) use new_runtimes::take_new_runtimes;
pub(crate) use record::{Reading, Thread, ThreadRecord, all, polling, with_number};
pub(crate) use runtime_number::RuntimeNumber;
pub(crate) use worker_counts::WorkerCounts;
pub(crate) use worker_search::WorkerSearch;

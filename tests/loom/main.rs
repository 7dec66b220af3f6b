//! Models of concurrent access to one task: a worker polls it, operators interrupt it, readers list
//! it. loom runs each model on every interleaving, and lets every load return every value that its
//! ordering allows. There are no sockets and no requests.
//!
//! The files under test are the runtime's own, included below. Their imports from `crate::sync` are
//! loom's; other imports are stand-ins of the same name with the items that they use. Unit tests in
//! these files run here, too.
//!
//! Each ordering above `Relaxed` and each fence in the files under test was weakened once, and
//! these models failed (`tests/loom/weakened` repeats it):
//!
//! | ordering | model |
//! |---|---|
//! | `task/slot.rs`: `belongs_to` Acquire, `release` Release | `interrupts::the_report_is_true_if_an_interrupt_races_with_the_end` |
//! | `task/slot.rs`: `read` Acquire | `records::every_listed_task_existed` |
//! | `task/slot.rs`: the fences in `read` and in `reserve` | `records::a_record_is_of_the_listed_task_or_not_read` |
//! | `task/slot.rs`: that fence in `reserve`, and not in `release` | `records::a_record_is_consistent_if_another_worker_reuses_the_slot` |
//! | `task/slot.rs`: `publish` Release | `counts::a_listed_task_is_counted` |
//! | `task/interrupt.rs`: `done` Release, `wait` Acquire | `interrupts::a_waiter_for_several_tasks_sees_each_outcome` |
//! | `seq_count.rs`: `write` Release, `try_read` Acquire, and the fences of both | `stacks::every_stack_that_is_read_was_committed`, `counts::an_end_is_counted_as_a_whole` |
//! | `stats/shard.rs`: `add_begun` Release | `counts::consecutive_tasks_on_two_threads_are_never_active_together` |
//! | `task/end.rs`: the fence in `clear` | `records::a_streaming_response_never_shows_zero_bytes_sent` |
//! | `routes/settings_cell.rs`: `set` Release, `get` Acquire | `effective::reset_settings_are_not_applied_again` |
//!
//! The other files under test have none: they rely on the locks, and on `AtomicCell`, whose store
//! releases earlier writes.

#[path = "../../underscore-runtime/src/instrument/poll/acquired.rs"]
#[allow(dead_code, unreachable_pub, reason = "the models use some items")]
mod acquired;
#[path = "../../underscore-runtime/src/instrument/poll/at_await.rs"]
#[allow(dead_code, unreachable_pub, reason = "the models use some items")]
mod at;
mod clock;
mod connection;
#[path = "../../underscore-runtime/src/instrument/poll/frame_slot.rs"]
mod frame_slot;
#[path = "../../underscore-runtime/src/instrument/poll/guard.rs"]
#[allow(dead_code, reason = "the models use some items")]
mod guard;
#[path = "../../underscore-runtime/src/guards/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the models use some items")]
mod guards;
mod panics {
    //! Stand-in for the report of a panic, which models have none of.

    use crate::task::Slot;

    pub(crate) fn report(_: &'static Slot) {}
}
mod routes;
#[path = "../../underscore-runtime/src/instrument/poll/scope.rs"]
#[allow(dead_code, reason = "the models use some items")]
mod scope;
#[path = "../../underscore-runtime/src/seq_count.rs"]
mod seq_count;
mod settings;
#[path = "../../underscore-runtime/src/routes/settings_cell.rs"]
mod settings_cell;
#[path = "../../underscore-runtime/src/stack/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the models use some items"
)]
mod stack;
#[allow(dead_code, reason = "the models use some items")]
mod stats;
mod sync;
#[allow(dead_code, unused_imports, reason = "the models use some items")]
mod task;
#[allow(dead_code, reason = "the models use some items")]
mod threads;
#[path = "../../underscore-runtime/src/instrument/poll/tracked.rs"]
#[allow(dead_code, reason = "the models use some items")]
mod tracked;
#[path = "../../underscore-runtime/src/units.rs"]
#[allow(dead_code, reason = "the models use some items")]
mod units;

mod executor;
mod roles;

mod counts;
mod effective;
mod ended {
    //! Stand-in for the records of requests that have ended, of which models keep none.

    use axum::http::StatusCode;

    use crate::clock::Instant;
    use crate::stats::Outcome;
    use crate::task::Slot;

    pub(crate) fn is_remarkable(
        _: &Slot,
        _: Outcome,
        _: Option<StatusCode>,
        _: Option<(Instant, Instant)>,
    ) -> bool {
        false
    }

    pub(crate) fn record(_: &'static Slot, _: Outcome, _: Option<(Instant, Instant)>) {}
}
mod interrupts;
mod layers;
mod records;
mod reuse;
mod stacks;

//! Models of what threads do to one task at the same time: a worker that polls it, operators that
//! interrupt it, and readers. loom plays each of them on every interleaving, and lets every
//! load read every value that its ordering allows. No sockets here and no requests: only the order
//! of steps.
//!
//! The files under test are the runtime's own, not copies: they are included below, and what they
//! import from `crate::sync` is loom's. What else they import is a stand-in of the same name that
//! has only what they touch. Unit tests that stand in them come along.
//!
//! A model is worth what it would find. Each ordering above `Relaxed` in the files under test was
//! made `Relaxed` once, and each fence taken out, and this is what failed then
//! (`tests/loom/weakened` does it again):
//!
//! | ordering | model |
//! |---|---|
//! | `task/slot.rs`: `belongs_to` Acquire, `release` Release | `interrupts::an_interrupt_and_a_natural_end_race_and_the_report_is_the_truth` |
//! | `task/slot.rs`: `read` Acquire | `records::a_list_of_tasks_never_has_one_that_was_not_there` |
//! | `task/slot.rs`: the fences in `read` and in `reserve` | `records::a_record_is_all_of_the_task_that_was_found_or_nothing` |
//! | `task/slot.rs`: that fence in `reserve`, and not in `release` | `records::a_record_is_whole_where_another_worker_begins_the_next_task` |
//! | `task/slot.rs`: `publish` Release | `counts::who_finds_a_task_finds_its_beginning_counted` |
//! | `task/interrupt.rs`: `done` Release, `wait` Acquire | `interrupts::who_waited_for_several_tasks_sees_how_each_ended` |
//! | `seq_count.rs`: `write` Release, `try_read` Acquire, and the fences of both | `stacks::a_stack_is_one_that_was_committed`, `counts::ends_are_counted_whole` |
//! | `stats/shard.rs`: `add_begun` Release | `counts::tasks_that_follow_each_other_on_two_threads_are_active_one_at_a_time` |
//! | `task/end.rs`: the fence in `clear` | `records::a_response_that_streams_is_never_seen_to_have_sent_nothing` |
//! | `routes/settings_cell.rs`: `set` Release, `get` Acquire | `levers::what_was_reset_is_not_in_force_again` |
//!
//! The other files under test have none: what they need comes from the locks, and from
//! `AtomicCell`, which hands over what was written before a store in it.

#[path = "../../underscore-runtime/src/instrument/poll/at_await.rs"]
#[allow(unreachable_pub, reason = "public in the runtime")]
mod at;
mod clock;
#[path = "../../underscore-runtime/src/instrument/poll/frame_slot.rs"]
mod frame_slot;
#[path = "../../underscore-runtime/src/instrument/poll/guard.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod guard;
mod routes;
#[path = "../../underscore-runtime/src/instrument/poll/scope.rs"]
#[allow(dead_code, reason = "the models use a part")]
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
    reason = "the models use a part"
)]
mod stack;
#[allow(dead_code, reason = "the models use a part")]
mod stats;
mod sync;
#[allow(dead_code, unused_imports, reason = "the models use a part")]
mod task;
#[allow(dead_code, reason = "the models use a part")]
mod threads;
#[path = "../../underscore-runtime/src/instrument/poll/tracked.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod tracked;
#[path = "../../underscore-runtime/src/units.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod units;

mod executor;
mod roles;

mod counts;
mod interrupts;
mod levers;
mod records;
mod reuse;
mod stacks;

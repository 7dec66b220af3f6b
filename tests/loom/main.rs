//! Models of what threads do to one task at the same time: a worker that polls it, operators that order
//! its end, and whoever looks. loom plays each of them on every interleaving, and lets every load read
//! every value that its ordering allows. No sockets here and no requests: only the order of steps.
//!
//! The files under test are the runtime's own, not copies: they are included below, and what they import
//! from `crate::sync` is loom's. What else they import is a stand-in of the same name that has only what
//! they touch. Unit tests that stand in them come along.
//!
//! A model is worth what it would find. Each ordering above `Relaxed` in the files under test was made `Relaxed` once,
//! and this is what failed then (`tests/loom/weakened` does it again):
//!
//! | ordering | model |
//! |---|---|
//! | `task/end.rs`: `ended` Release, `outcome` Acquire | `ends::who_sees_the_end_sees_what_was_noted_before_it` |
//! | `task/signal.rs`: `order_end` Acquire, `close` Release | `orders::an_order_and_a_natural_end_race_and_the_report_is_the_truth` |
//! | `task/signal.rs`: `one_less` Release, `all_ended` Acquire | `ends::who_waited_for_several_tasks_sees_how_each_ended` |
//! | `route/in_force.rs`: `put` Release, `get` Acquire | `levers::what_was_reset_is_not_in_force_again` |

mod clock;
mod context;
#[path = "../../underscore-runtime/src/instrument/guard.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod guard;
#[path = "../../underscore-runtime/src/route/in_force.rs"]
mod in_force;
mod settings;
mod stack;
#[path = "../../underscore-runtime/src/stats/mod.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod stats;
mod sync;
mod task;
#[path = "../../underscore-runtime/src/instrument/tracked.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod tracked;
#[path = "../../underscore-runtime/src/units.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod units;

mod executor;
mod roles;

mod ends;
mod ledger;
mod levers;
mod orders;

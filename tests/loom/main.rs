//! Models of what threads do to one task at the same time: a worker that polls it, operators that order
//! its end, and whoever looks. loom plays each of them on every interleaving, and lets every load read
//! every value that its ordering allows. No sockets here and no requests: only the order of steps.
//!
//! The files under test are the runtime's own, not copies: they are included below, and what they import
//! from `crate::sync` is loom's. What else they import is a stand-in of the same name that has only what
//! they touch. Unit tests that stand in them come along.

mod clock;
mod context;
#[path = "../../underscore-runtime/src/instrument/guard.rs"]
#[allow(dead_code, reason = "the models use a part")]
mod guard;
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
mod orders;

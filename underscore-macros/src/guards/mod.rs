//! Markers of the guards that a body holds: of locks, permits and pooled connections.
//!
//! After a binding whose value may be a guard, `let hold = hold(&POINTS[a..b], &guard);` claims the
//! guard for the task. The runtime decides by the type of the value whether it is one. The marker
//! is dropped right before the guard, and `ends` adds calls before the statements that move the
//! guard away: a claim must never outlive its guard. Like a drop flag, a call in one branch ends
//! the claim only there.
//!
//! `plan` decides which bindings get a marker, of the values of which `initializer` says that they
//! may be guards. `source` finds the awaits and calls that a value comes from, and `place` the lock
//! that an await is for.

mod bindings;
mod ends;
mod initializer;
mod macro_tokens;
mod names;
mod place;
mod plan;
mod renewal;
mod source;

pub(crate) use ends::with_statements;
pub(crate) use initializer::{is_giver, may_be_guard};
pub(crate) use place::{call_place, lock_place};
pub(crate) use plan::{Plan, Planner};
pub(crate) use renewal::{is_renewal, renew};
pub(crate) use source::{mark, mark_results, take_mark};

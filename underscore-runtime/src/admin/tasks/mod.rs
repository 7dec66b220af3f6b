//! `_tasks`: single tasks, of any route.

pub(super) mod cancel;
pub(super) mod get;
pub(super) mod print_stack;

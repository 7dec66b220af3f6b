//! `_tasks`: single tasks, whatever route they are of.

pub(super) mod cancel;
pub(super) mod print_stack;

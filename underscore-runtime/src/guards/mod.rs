//! Guards of locks, permits of semaphores and pooled connections: which types are guards, what they
//! are guards of, and what a task holds.

mod guard_type;
mod held;
mod known;
mod resource_name;
mod type_path;

pub(crate) use guard_type::{
    ResourceType, add_guard_type, guard_of, is_guard, is_in, is_wait_of, takes_by_value,
};
pub(crate) use held::{HeldGuard, TaskLocks, TypeName};
pub(crate) use known::Access;
pub(crate) use resource_name::resource_name;

//! Tasks: the units of work in flight, and their records. The thread that polls a task calls
//! `begin` to `end`; other threads read it through `TaskRef`.

mod begin;
mod cancel;
mod commit;
mod end;
mod extra;
mod id;
mod interrupt;
mod kind;
mod locks;
mod meta_buffer;
mod panic_note;
mod poller_state;
mod read_kind;
mod registry;
mod request_meta;
mod slot;
mod slot_pool;
mod slot_ref;
mod stage;
mod task_ref;
#[cfg(test)]
mod tests;
mod thread;

pub(crate) use begin::NewTask;
pub(crate) use id::TaskId;
pub(crate) use interrupt::{Ending, Interrupt, WaitGroup};
pub(crate) use kind::{Background, TaskKind, TaskParent, TaskRequest, Upgrade};
pub(crate) use panic_note::PanicNote;
pub(crate) use poller_state::TaskState;
pub(crate) use registry::{chunks, for_each_live, live_count};
pub(crate) use request_meta::MetaField;
pub(crate) use slot::Slot;
pub(crate) use slot_ref::SlotRef;
pub(crate) use stage::Stage;
pub(crate) use task_ref::{Glance, Task, TaskRef};
pub(crate) use thread::{ThreadContext, with_thread};

// Not in `slot.rs`, which has another size in `tests/loom`. Locks of other systems are larger.
#[cfg(target_os = "linux")]
const _: () = assert!(size_of::<Slot>() == 256);

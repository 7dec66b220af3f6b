//! The runtime's own tasks. The pool of slots and the state of a thread are stand-ins, because both
//! are statics, and loom has its own.

#[path = "../../underscore-runtime/src/task/begin.rs"]
mod begin;
#[path = "../../underscore-runtime/src/task/cancel.rs"]
mod cancel;
#[path = "../../underscore-runtime/src/task/commit.rs"]
mod commit;
#[path = "../../underscore-runtime/src/task/end.rs"]
mod end;
#[path = "../../underscore-runtime/src/task/extra.rs"]
mod extra;
#[path = "../../underscore-runtime/src/task/id.rs"]
mod id;
#[path = "../../underscore-runtime/src/task/interrupt.rs"]
mod interrupt;
#[path = "../../underscore-runtime/src/task/kind.rs"]
mod kind;
#[path = "../../underscore-runtime/src/task/locks.rs"]
mod locks;
#[path = "../../underscore-runtime/src/task/meta_buffer.rs"]
mod meta_buffer;
#[path = "../../underscore-runtime/src/task/panic_note.rs"]
mod panic_note;
#[path = "../../underscore-runtime/src/task/poller_state.rs"]
mod poller_state;
#[path = "../../underscore-runtime/src/task/read_kind.rs"]
mod read_kind;
#[path = "../../underscore-runtime/src/task/registry.rs"]
mod registry;
#[path = "../../underscore-runtime/src/task/request_meta.rs"]
mod request_meta;
#[path = "../../underscore-runtime/src/task/slot.rs"]
mod slot;
mod slot_pool;
#[path = "../../underscore-runtime/src/task/slot_ref.rs"]
mod slot_ref;
#[path = "../../underscore-runtime/src/task/stage.rs"]
mod stage;
#[path = "../../underscore-runtime/src/task/task_ref.rs"]
mod task_ref;
mod thread;

pub(crate) use begin::NewTask;
pub(crate) use id::TaskId;
pub(crate) use interrupt::{Ending, Interrupt, WaitGroup};
pub(crate) use kind::{Background, TaskKind, TaskRequest};
pub(crate) use poller_state::TaskState;
pub(crate) use registry::for_each_live;
pub(crate) use request_meta::{MetaField, MetaFields};
pub(crate) use slot::Slot;
pub(crate) use slot_ref::SlotRef;
pub(crate) use stage::Stage;
pub(crate) use task_ref::TaskRef;
pub(crate) use thread::{ThreadContext, give_slots_back, with_thread};

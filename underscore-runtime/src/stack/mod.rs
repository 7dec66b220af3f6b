//! The await points that a task is inside of, as a tree. The thread that polls the task keeps a list
//! of changes (`instrument::at`), commits it when the poll returns `Pending`, and whoever looks reads
//! what was committed: so a stack is what the task waits on, and a running task shows what it left.

mod async_body;
mod frames;
mod inline_nodes;
mod point;
mod tree;

pub(crate) use async_body::AsyncBody;
pub(crate) use frames::{Frame, Stack, innermost, on_one_line};
pub(crate) use inline_nodes::{INLINE_NODES, InlineNodes};
pub use point::AwaitPoint;
pub(crate) use tree::{Keys, Node, NodeChange, NodeKey, ParentKey, Tree, TypeName};

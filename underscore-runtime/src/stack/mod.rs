//! The await points that a task is at, as a tree. The thread that polls the task collects changes
//! and commits them when the poll returns `Pending`; readers see what was committed. So a stack is
//! what the task waits for, and that of a running task is what its last poll left.

mod async_body;
mod frames;
mod inline_nodes;
mod keys;
mod node;
mod paths;
mod point;
mod tree;

pub(crate) use async_body::{AsyncBody, inside_of_pointers};
pub(crate) use frames::{Frame, Stack, innermost, on_one_line};
pub(crate) use inline_nodes::InlineNodes;
pub(crate) use keys::Keys;
pub(crate) use node::{NodeChange, NodeKey, ParentKey, StackNode, TypeNames};
pub(crate) use paths::{AwaitPath, is_same_path, paths};
pub use point::AwaitPoint;
pub(crate) use tree::Tree;

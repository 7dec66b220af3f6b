//! `_tasks`: single tasks, whatever route they are of.

pub(super) mod cancel;
pub(super) mod get;
pub(super) mod print_stack;

use super::render::Node;
use crate::stack::Frame;

/// Frames from the outside in, each with those inside of it.
fn frame_nodes(frames: &[Frame]) -> Vec<Node> {
    let node = |Frame { point, inside }: &Frame| {
        Node::object([
            ("function", Node::text(point.function())),
            ("where", Node::text(point.to_string())),
            ("awaiting", Node::text(point.source())),
            ("inside", Node::List(frame_nodes(inside))),
        ])
    };
    frames.iter().map(node).collect()
}

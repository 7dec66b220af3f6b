//! A snapshot of a task's stack: frames from the outermost await in, and their two short forms.

use smallvec::SmallVec;

use super::inline_nodes::INLINE_NODES;
use super::{AsyncBody, AwaitPoint, NodeKey, ParentKey, StackNode, TypeNames};

/// Pending awaits, by key. As many are stored inline as a slot has, so that most stacks are copied
/// without an allocation.
pub(super) type StackNodes = SmallVec<[Option<StackNode>; INLINE_NODES]>;

/// The await points of a task at one moment.
#[derive(Debug, Default)]
pub(crate) struct Stack {
    nodes: StackNodes,
}

/// A pending await and those pending inside of it, several if it has branches.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) point: &'static AwaitPoint,
    /// The types of the awaited future and of its output.
    pub(crate) types: TypeNames,
    /// Itself, as the parent of those inside.
    pub(crate) key: ParentKey,
    pub(crate) inside: Vec<Frame>,
}

impl Stack {
    pub(super) fn new(nodes: StackNodes) -> Self {
        Stack { nodes }
    }

    /// Adds the addresses of the awaits to `fingerprint`. Tasks with the same body and the same
    /// fingerprint have the same frames.
    pub(crate) fn add_fingerprint(&self, fingerprint: &mut Vec<u64>) {
        for node in &self.nodes {
            match node {
                Some(node) => {
                    let point = node.point.address() as u64;
                    let types = node.types as usize as u64;
                    fingerprint.extend([point, types, node.parent.to_bits()]);
                }
                // No point has this address.
                None => fingerprint.push(0),
            }
        }
    }

    /// The frames from the outermost await in, branches in source order. `body` is the task's own
    /// body, if known: the outermost one, or that of a handler within middleware.
    ///
    /// A body is at one await at a time. If one of its own is pending, the other futures that were
    /// polled in it, by a `select!` that has completed, are kept and not awaited. If none of its
    /// own is known, because it awaits inside the tokens of a macro, it awaits all of them.
    pub(crate) fn frames(&self, body: Option<AsyncBody<'_>>) -> Vec<Frame> {
        self.frames_and_kept(body).0
    }

    /// The frames, and the frames of kept futures: they were polled in awaits that have completed,
    /// and not since.
    pub(crate) fn frames_and_kept(&self, body: Option<AsyncBody<'_>>) -> (Vec<Frame>, Vec<Frame>) {
        let pending = (0..).map(NodeKey).zip(&self.nodes);
        let mut nodes: Nodes = pending
            .filter_map(|(key, node)| Some(Some((key, (*node)?))))
            .collect();
        // Groups the awaits by parent.
        nodes.sort_by_key(|node| node.map(|(_, node)| node.parent));
        let parents: SmallVec<[ParentKey; 4]> = nodes
            .iter()
            .flatten()
            .map(|(_, node)| node.parent)
            .collect();
        let mut dropped = Nodes::new();
        let mut inside = |parent, body, nodes: &mut Nodes| {
            let bodies = [body, None];
            frames_inside(parent, bodies, &parents, nodes, &mut dropped, MAX_FRAMES)
        };
        let frames = inside(ParentKey::ROOT, body, &mut nodes);
        // The rest is not reachable from the body: the await in which it was polled has completed.
        let left = nodes.iter().flatten();
        let mut left: SmallVec<[ParentKey; 4]> = left
            .map(|(key, node)| ParentKey::new(*key, node.point))
            .collect();
        left.sort_unstable();
        let mut orphans: SmallVec<[ParentKey; 4]> = nodes
            .iter()
            .flatten()
            .map(|(_, node)| node.parent)
            .filter(|parent| left.binary_search(parent).is_err())
            .collect();
        orphans.dedup();
        let mut kept = Vec::new();
        for parent in orphans {
            kept.extend(inside(parent, None, &mut nodes));
        }
        for (key, node) in dropped.into_iter().flatten() {
            let parent = ParentKey::new(key, node.point);
            let body = AsyncBody::from_type_name((node.types)().0);
            kept.push(Frame {
                point: node.point,
                types: node.types,
                key: parent,
                inside: frames_inside(
                    parent,
                    [None, body],
                    &parents,
                    &mut nodes,
                    &mut Nodes::new(),
                    MAX_FRAMES,
                ),
            });
        }
        kept.sort_by_key(|Frame { point, .. }| (point.file, point.line, point.column));
        (frames, kept)
    }
}

/// Pending awaits, `None` once taken.
type Nodes = SmallVec<[Option<(NodeKey, StackNode)>; 4]>;

/// Maximum depth of the frames. A recursive function can be deeper, and rendering nested frames
/// must not overflow the thread's stack.
const MAX_FRAMES: u32 = 200;

/// Takes the awaits inside `parent` out of `nodes`; `parents` has the parent of each. Taking each
/// once ends the recursion even if a node were its own ancestor. `bodies` are the task's body and
/// the one of `parent`. Futures that the body does not await go to `kept`.
fn frames_inside(
    parent: ParentKey,
    bodies: [Option<AsyncBody<'_>>; 2],
    parents: &[ParentKey],
    nodes: &mut Nodes,
    kept: &mut Nodes,
    depth_left: u32,
) -> Vec<Frame> {
    let Some(depth_left) = depth_left.checked_sub(1) else {
        return Vec::new();
    };
    let [task_body, _] = bodies;
    let begin = parents.partition_point(|other| *other < parent);
    let end = parents.partition_point(|other| *other <= parent);
    let inside = nodes.get_mut(begin..end).unwrap_or_default();
    let mut children: Nodes = inside.iter_mut().map(Option::take).collect();
    let is_own = |body: AsyncBody<'_>, child: &Option<(NodeKey, StackNode)>| {
        child.is_some_and(|(_, node)| body.owns(node.point))
    };
    let mut bodies_here = bodies.into_iter().flatten();
    if let Some(body) = bodies_here.find(|body| children.iter().any(|child| is_own(*body, child))) {
        let (own, others) = children.into_iter().partition(|child| is_own(body, child));
        children = own;
        kept.extend::<Nodes>(others);
    }
    let mut frames: Vec<Frame> = children
        .into_iter()
        .flatten()
        .map(|(key, StackNode { point, types, .. })| Frame {
            point,
            types,
            key: ParentKey::new(key, point),
            inside: frames_inside(
                ParentKey::new(key, point),
                [task_body, AsyncBody::from_type_name(types().0)],
                parents,
                nodes,
                kept,
                depth_left,
            ),
        })
        .collect();
    frames.sort_by_key(|Frame { point, .. }| (point.file, point.line, point.column));
    frames
}

/// The point that best describes where a task is: the innermost one, or the one that has branches.
/// If the branches have no common point, the first one in source order.
pub(crate) fn innermost(frames: &[Frame]) -> Option<&'static AwaitPoint> {
    let mut innermost = frames.first()?;
    while let [only] = innermost.inside.as_slice() {
        innermost = only;
    }
    Some(innermost.point)
}

/// The frames on one line, innermost last, as in `a > [b | c]`.
pub(crate) fn on_one_line(frames: &[Frame]) -> String {
    #[allow(
        clippy::format_push_string,
        reason = "`write!` returns a result to ignore"
    )]
    fn write(line: &mut String, frames: &[Frame]) {
        let branches = frames.len() > 1;
        if branches {
            line.push('[');
        }
        for (index, frame) in frames.iter().enumerate() {
            if index > 0 {
                line.push_str(" | ");
            }
            let point = frame.point;
            line.push_str(&format!("{point} {}", point.source()));
            if !frame.inside.is_empty() {
                line.push_str(" > ");
                write(line, &frame.inside);
            }
        }
        if branches {
            line.push(']');
        }
    }
    let mut line = String::new();
    write(&mut line, frames);
    line
}

#[cfg(test)]
mod tests {
    use super::super::{Keys, NodeChange, Tree};
    use super::*;

    static OUTER: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 1, 1, "outer()");
    static LEFT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 2, 1, "left()");
    static RIGHT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 3, 1, "right()");

    fn set(tree: &mut Tree, key: NodeKey, point: &'static AwaitPoint, parent: ParentKey) {
        let node = StackNode {
            point,
            parent,
            types: || ("", ""),
        };
        tree.apply(&NodeChange {
            key,
            node: Some(node),
        });
    }

    /// Holds 3.54 of docs/admin-api.md.
    #[test]
    fn the_short_form_is_one_line_with_branches_in_brackets() {
        let mut tree = Tree::default();
        assert_eq!(on_one_line(&tree.snapshot().frames(None)), "");
        let outer = ParentKey::new(NodeKey(0), &OUTER);
        set(&mut tree, NodeKey(2), &RIGHT, outer);
        set(&mut tree, NodeKey(1), &LEFT, outer);
        set(&mut tree, NodeKey(0), &OUTER, ParentKey::ROOT);
        assert_eq!(
            on_one_line(&tree.snapshot().frames(None)),
            "f.rs:1 outer() > [f.rs:2 left() | f.rs:3 right()]"
        );
        tree.apply(&NodeChange {
            key: NodeKey(1),
            node: None,
        });
        assert_eq!(
            on_one_line(&tree.snapshot().frames(None)),
            "f.rs:1 outer() > f.rs:3 right()"
        );
    }

    fn shown(tree: &Tree) -> Option<String> {
        let frames = tree.snapshot().frames(None);
        innermost(&frames).map(ToString::to_string)
    }

    #[test]
    fn the_short_point_is_the_innermost_or_the_one_with_branches() {
        let mut tree = Tree::default();
        assert_eq!(shown(&tree), None);
        let (outer, left, right) = (NodeKey(0), NodeKey(1), NodeKey(2));
        // A child is committed before its parent: the inner future is pending first.
        let inside = ParentKey::new(outer, &OUTER);
        set(&mut tree, left, &LEFT, inside);
        set(&mut tree, outer, &OUTER, ParentKey::ROOT);
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:2"));
        set(&mut tree, right, &RIGHT, inside);
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:1"), "two branches");
        tree.apply(&NodeChange {
            key: left,
            node: None,
        });
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:3"));
        tree.apply(&NodeChange {
            key: right,
            node: None,
        });
        tree.apply(&NodeChange {
            key: outer,
            node: None,
        });
        assert_eq!(shown(&tree), None);
    }

    #[test]
    fn a_future_of_a_completed_await_is_not_inside_the_next_one() {
        let mut tree = Tree::default();
        let (key, kept) = (NodeKey(0), NodeKey(1));
        set(&mut tree, kept, &LEFT, ParentKey::new(key, &OUTER));
        set(&mut tree, key, &RIGHT, ParentKey::ROOT);
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:3"), "another point");
        tree.apply(&NodeChange { key, node: None });
        set(&mut tree, key, &OUTER, ParentKey::ROOT);
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:2"), "the same again");
    }

    #[test]
    fn an_await_dropped_before_its_commit_does_not_reappear() {
        let (mut tree, mut keys) = (Tree::default(), Keys::default());
        let key = keys.take().expect("all keys are free");
        tree.clear_remote(key);
        set(&mut tree, key, &LEFT, ParentKey::ROOT);
        assert_eq!(shown(&tree), None);
        keys.release_all(tree.take_dropped());
        assert_eq!(keys.take(), Some(key), "its key is free again");
        set(&mut tree, key, &RIGHT, ParentKey::ROOT);
        assert_eq!(shown(&tree).as_deref(), Some("f.rs:3"));
    }

    #[test]
    fn a_body_awaits_only_its_own_pending_await() {
        static LOST: AwaitPoint = AwaitPoint::new("m::g", "g.rs", 1, 1, "lost()").depth(2);
        let mut tree = Tree::default();
        set(&mut tree, NodeKey(0), &LOST, ParentKey::ROOT);
        let line = |tree: &Tree, body| on_one_line(&tree.snapshot().frames(body));
        let body = Some(AsyncBody::from_function("m::f"));
        assert_eq!(line(&tree, body), "g.rs:1 lost()", "nothing else is known");
        set(&mut tree, NodeKey(1), &LEFT, ParentKey::ROOT);
        assert_eq!(line(&tree, body), "f.rs:2 left()");
        assert_eq!(line(&tree, None), "[f.rs:2 left() | g.rs:1 lost()]");
        assert_eq!(
            line(
                &tree,
                AsyncBody::from_type_name("m::g::{{closure}}::{{closure}}")
            ),
            "g.rs:1 lost()"
        );
    }
}

//! The awaits that a task waits at, each with the awaits around it: the branches of a stack taken
//! apart.

use super::{AwaitPoint, Frame};

/// An innermost await, last, with the awaits around it from the outermost in.
pub(crate) type AwaitPath = Box<[&'static AwaitPoint]>;

/// Maximum number of paths of one stack. A `join_all` of thousands has one await per branch, at
/// one place.
const MAX_PATHS: usize = 64;

/// The paths of a stack in source order, at most [`MAX_PATHS`]. Branches at the same awaits are one
/// path.
pub(crate) fn paths(frames: &[Frame]) -> Vec<AwaitPath> {
    let mut paths = Vec::new();
    collect(frames, &mut Vec::new(), &mut paths);
    paths
}

fn collect(frames: &[Frame], around: &mut Vec<&'static AwaitPoint>, paths: &mut Vec<AwaitPath>) {
    for Frame { point, inside, .. } in frames {
        if paths.len() == MAX_PATHS {
            return;
        }
        around.push(point);
        if inside.is_empty() {
            // Equal branches are neighbours, because frames are in source order.
            if paths.last().is_none_or(|last| !is_same_path(last, around)) {
                paths.push(around.as_slice().into());
            }
        } else {
            collect(inside, around, paths);
        }
        around.pop();
    }
}

/// True for the same awaits. Each point has an address of its own.
pub(crate) fn is_same_path(one: &[&'static AwaitPoint], other: &[&'static AwaitPoint]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| std::ptr::eq(*a, *b))
}

#[cfg(test)]
mod tests {
    use super::super::ParentKey;
    use super::*;

    static OUTER: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 1, 1, "outer()");
    static LEFT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 2, 1, "left()");
    static RIGHT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 3, 1, "right()");

    fn frame(point: &'static AwaitPoint, inside: Vec<Frame>) -> Frame {
        Frame {
            point,
            types: || ("", ""),
            key: ParentKey::ROOT,
            inside,
        }
    }

    #[test]
    fn each_branch_is_a_path_and_equal_branches_are_one() {
        let branches = vec![
            frame(&LEFT, Vec::new()),
            frame(&LEFT, Vec::new()),
            frame(&RIGHT, vec![frame(&LEFT, Vec::new())]),
        ];
        let frames = [frame(&OUTER, branches), frame(&RIGHT, Vec::new())];
        let lines: Vec<Vec<u32>> = paths(&frames)
            .iter()
            .map(|path| path.iter().map(|point| point.line).collect())
            .collect();
        assert_eq!(lines, [vec![1, 2], vec![1, 3, 2], vec![3]]);
        assert!(paths(&[]).is_empty());
    }
}

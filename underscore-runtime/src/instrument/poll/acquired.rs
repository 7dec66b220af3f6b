//! Where the guard comes from that a body is about to bind: noted by the await that gave it, and
//! taken by the marker behind the binding, in the same poll.

use std::any::type_name;
use std::cell::Cell;
use std::mem::needs_drop;

use super::frame_slot::FrameGuard;
use crate::guards::{self, HeldGuard};
use crate::stack::{AwaitPoint, ParentKey};
use crate::task::with_thread;

thread_local! {
    static ACQUIRED: Cell<Option<Acquired>> = const { Cell::new(None) };
}

/// The guard that was given last on this thread.
#[derive(Clone, Copy)]
struct Acquired {
    /// The id of the task.
    task: u64,
    /// The await around the body that got it.
    within: ParentKey,
    /// The await or call of that body.
    taken: &'static AwaitPoint,
    /// The innermost await or call, in a helper function.
    by: &'static AwaitPoint,
    /// The address of the lock, zero if it is unknown.
    lock: usize,
}

/// The origin of a guard.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub(super) taken: &'static AwaitPoint,
    pub(super) by: &'static AwaitPoint,
    pub(super) lock: usize,
}

/// Notes that the await at `point` gave a guard, or passed on the one that a helper inside of it
/// handed out.
#[inline(never)]
pub(super) fn note_await(guard: &FrameGuard, point: &'static AwaitPoint, lock: usize) {
    let Some((key, within)) = guard.place(point) else {
        return;
    };
    let task = with_thread(|thread| thread.id.get());
    let inside = ACQUIRED
        .take()
        .filter(|inside| inside.task == task && inside.within == key);
    let (by, lock) = inside.map_or((point, lock), |inside| (inside.by, inside.lock));
    ACQUIRED.set(Some(Acquired {
        task,
        within,
        taken: point,
        by,
        lock,
    }));
}

/// Returns `value`, which a call at `point` gave. If it is a guard, the thread notes where it was
/// acquired. `lock` is zero if it is unknown.
#[inline]
pub fn acquired<T>(lock: usize, value: T, point: &'static AwaitPoint) -> T {
    if needs_drop::<T>() && guards::is_in(type_name::<T>()) {
        note_call(lock, point);
    }
    value
}

#[inline(never)]
fn note_call(lock: usize, point: &'static AwaitPoint) {
    let (task, within) = with_thread(|thread| (thread.id.get(), thread.parent.get()));
    ACQUIRED.set(Some(Acquired {
        task,
        within,
        taken: point,
        by: point,
        lock,
    }));
}

/// Notes that the body which has `held` returns it to the await around it.
pub(super) fn hand_out(task: u64, held: &HeldGuard) {
    ACQUIRED.set(Some(Acquired {
        task,
        within: held.parent,
        taken: held.taken,
        by: held.by,
        lock: held.lock,
    }));
}

/// Takes the origin of a guard that was given at one of `points` of the body that the thread runs.
/// If none was noted, it is the last of them.
pub(super) fn take_origin(
    task: u64,
    within: ParentKey,
    points: &'static [AwaitPoint],
) -> Option<Origin> {
    let noted = ACQUIRED.take().filter(|last| {
        let is_it = |point: &AwaitPoint| std::ptr::eq(last.taken, point);
        last.task == task && last.within == within && points.iter().any(is_it)
    });
    match noted {
        Some(Acquired {
            taken, by, lock, ..
        }) => Some(Origin { taken, by, lock }),
        None => points.last().map(|last| Origin {
            taken: last,
            by: last,
            lock: 0,
        }),
    }
}

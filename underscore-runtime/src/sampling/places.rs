//! The places of tasks, each distinct stack resolved once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::routes::Route;
use crate::stack::{AwaitPath, is_same_path, paths};
use crate::task::TaskRef;

/// Maximum number of awaits by which a place is told from others.
const MAX_AWAITS: usize = 64;

/// Maximum number of places that are remembered.
const MAX_PLACES: usize = 1_024;

/// The awaits at which a task is, a path for each branch; shared by all tasks there.
pub(super) type Place = Arc<[AwaitPath]>;

/// The places by fingerprint of a stack: the addresses of its awaits and of the route.
#[derive(Debug, Default)]
pub(super) struct Places {
    known: HashMap<Box<[u64]>, Place>,
    /// A reused buffer.
    fingerprint: Vec<u64>,
}

impl Places {
    /// The place of a request of `route`. Empty if it has ended or is at no known await.
    pub(super) fn find(&mut self, task: &TaskRef, route: &'static Route) -> Place {
        let stack = task.first_awaits(MAX_AWAITS);
        let fingerprint = &mut self.fingerprint;
        fingerprint.clear();
        fingerprint.push(route.address() as u64);
        stack.add_fingerprint(fingerprint);
        if let Some(place) = self.known.get(&**fingerprint) {
            return Arc::clone(place);
        }
        let place: Place = paths(&stack.frames(task.body())).into();
        if self.known.len() == MAX_PLACES {
            self.known.clear();
        }
        let key = fingerprint.as_slice().into();
        self.known.insert(key, Arc::clone(&place));
        place
    }
}

/// True for the same awaits. A place that was forgotten and resolved again is another allocation.
pub(super) fn is_same(one: &Place, other: &Place) -> bool {
    let same = |(one, other): (&AwaitPath, &AwaitPath)| is_same_path(one, other);
    Arc::ptr_eq(one, other) || one.len() == other.len() && one.iter().zip(&**other).all(same)
}

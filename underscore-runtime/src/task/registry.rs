//! All live tasks: a walk over every slot.

use super::slot::Slot;
use super::slot_pool;
use super::task_ref::TaskRef;
use crate::sync::atomic::Ordering;

/// All records in chunks, each of which is a few kilobytes. Chunks are only ever added, at the end.
pub(crate) fn chunks() -> Vec<&'static [Slot]> {
    slot_pool::chunks()
}

/// Calls `each` with every live task, each once. A task that begins or ends meanwhile may be
/// missed.
pub(crate) fn for_each_live(each: impl FnMut(TaskRef)) {
    slot_pool::all().filter_map(TaskRef::find).for_each(each);
}

/// Number of live tasks. A task that begins or ends meanwhile may be missed.
pub(crate) fn live_count() -> usize {
    // Relaxed: no other field is read.
    let is_live = |slot: &&Slot| slot.id.load(Ordering::Relaxed) != 0;
    slot_pool::all().filter(is_live).count()
}

//! Stand-in for the state of a thread: the task that it polls, the changes of that task's stack
//! since the poll began, free slots and a shard of the statistics. loom has its own thread-locals.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU32, Ordering};

use super::slot::Slot;
use super::{id, slot_pool};
use crate::stack::{NodeKey, ParentKey, StackNode};
use crate::stats::ShardIndex;
use crate::threads::ThreadRecord;

/// Maximum number of changes in a poll.
const CHANGES: usize = 4;

pub(crate) struct ThreadContext {
    pub(crate) id: Cell<u64>,
    pub(crate) slot: Cell<Option<&'static Slot>>,
    pub(crate) parent: Cell<ParentKey>,
    changes: Cell<u32>,
    inline_changes: [InlineChange; CHANGES],
    free: RefCell<Vec<&'static Slot>>,
    shard: ShardIndex,
}

pub(super) struct InlineChange {
    pub(super) key: Cell<NodeKey>,
    pub(super) node: Cell<Option<StackNode>>,
}

loom::thread_local! {
    static CONTEXT: ThreadContext = ThreadContext::new();
}

loom::lazy_static! {
    // std's: no model depends on the index of a thread.
    static ref NEXT_SHARD: AtomicU32 = AtomicU32::new(0);
}

pub(crate) fn with_thread<T>(with: impl FnOnce(&ThreadContext) -> T) -> T {
    CONTEXT.with(with)
}

/// Returns the thread's free slots, as a thread does at its end or if it has too many.
pub(crate) fn give_slots_back() {
    with_thread(|thread| slot_pool::give_back(thread.free.take().into_iter()));
}

impl ThreadContext {
    fn new() -> Self {
        ThreadContext {
            id: Cell::new(0),
            slot: Cell::new(None),
            parent: Cell::new(ParentKey::ROOT),
            changes: Cell::new(0),
            inline_changes: std::array::from_fn(|_| InlineChange {
                key: Cell::new(NodeKey::ROOT),
                node: Cell::new(None),
            }),
            free: RefCell::default(),
            shard: ShardIndex::new(NEXT_SHARD.fetch_add(1, Ordering::Relaxed)),
        }
    }

    pub(crate) fn shard(&self) -> ShardIndex {
        self.shard
    }

    #[allow(clippy::unused_self, reason = "the signature of the runtime's")]
    pub(crate) fn record(&self) -> &'static ThreadRecord {
        ThreadRecord::unlisted()
    }

    #[allow(clippy::unused_self, reason = "the signature of the runtime's")]
    pub(super) fn next_id(&self) -> u64 {
        id::next_block()
    }

    pub(super) fn take_slot(&self) -> &'static Slot {
        let kept = self.free.borrow_mut().pop();
        kept.unwrap_or_else(slot_pool::take)
    }

    pub(super) fn put_slot(&self, slot: &'static Slot) {
        self.free.borrow_mut().push(slot);
    }

    pub(crate) fn changes(&self) -> u32 {
        self.changes.get()
    }

    pub(crate) fn record_change(&self, key: NodeKey, node: Option<StackNode>) {
        let count = self.changes.get();
        let change = self.inline_changes.get(count as usize);
        let change = change.expect("a poll in a model has at most `CHANGES` changes");
        change.key.set(key);
        change.node.set(node);
        self.changes.set(count + 1);
    }

    pub(super) fn inline_changes(&self, before: u32) -> Option<&[InlineChange]> {
        self.inline_changes
            .get(before as usize..self.changes.get() as usize)
    }

    pub(super) fn discard_inline(&self, before: u32) {
        self.changes.set(before);
    }

    pub(crate) fn take_changes(
        &self,
        before: u32,
        mut each: impl FnMut(NodeKey, Option<StackNode>),
    ) {
        for change in self.inline_changes(before).unwrap_or_default() {
            each(change.key.get(), change.node.get());
        }
        self.discard_inline(before);
    }

    pub(crate) fn discard_changes(&self, before: u32) {
        self.discard_inline(before);
    }
}

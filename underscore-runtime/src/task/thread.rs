//! The state of a thread: the task that it polls, the changes of that task's stack since the poll
//! began, and its cache of free slots, ids and a shard of the statistics.
//!
//! It is one thread-local of plain cells without a destructor, so an access checks neither for
//! initialization nor for destruction. `LEASE` returns the cached resources when the thread ends.

use std::cell::{Cell, RefCell};

use super::id::{self, BLOCK, TaskId};
use super::slot::Slot;
use super::slot_pool::{self, BATCH};
use crate::stack::{NodeChange, NodeKey, ParentKey, StackNode};
use crate::stats::ShardIndex;
use crate::sync::Mutex;
use crate::threads::ThreadRecord;

/// Number of changes of a poll that need no allocation.
const INLINE_CHANGES: usize = 4;

/// The state of one thread.
pub(crate) struct ThreadContext {
    /// The id of the task that is polled, zero for none.
    pub(crate) id: Cell<u64>,
    /// The slot of that task.
    pub(crate) slot: Cell<Option<&'static Slot>>,
    /// The await that is being polled, the root for none.
    pub(crate) parent: Cell<ParentKey>,
    /// Number of changes of this poll and of the polls around it.
    changes: Cell<u32>,
    inline_changes: [InlineChange; INLINE_CHANGES],
    /// The record that other threads read.
    record: Cell<Option<&'static ThreadRecord>>,
    /// Cached free slots, a list through `Slot::next`.
    free: Cell<Option<&'static Slot>>,
    free_count: Cell<u32>,
    /// Maximum number of cached slots: zero before `LEASE` exists and after it was dropped.
    free_limit: Cell<u32>,
    shard: Cell<ShardIndex>,
    /// The next id, and the end of the thread's block of ids.
    next_id: Cell<u64>,
    end_of_ids: Cell<u64>,
}

/// An uncommitted change of the current task's stack.
pub(super) struct InlineChange {
    pub(super) key: Cell<NodeKey>,
    pub(super) node: Cell<Option<StackNode>>,
}

thread_local! {
    static CONTEXT: ThreadContext = const { ThreadContext::new() };
    /// The changes after the inline ones.
    static MORE_CHANGES: RefCell<Vec<NodeChange>> = const { RefCell::new(Vec::new()) };
    static LEASE: Lease = const { Lease };
}

/// Returns the thread's resources when the thread ends.
struct Lease;

/// Shard indices of threads that have ended, and the first index never used.
static SHARD_INDICES: Mutex<(Vec<u32>, u32)> = Mutex::new((Vec::new(), 0));

/// The calling thread's context.
#[inline]
pub(crate) fn with_thread<T>(with: impl FnOnce(&ThreadContext) -> T) -> T {
    CONTEXT.with(with)
}

impl ThreadContext {
    const fn new() -> Self {
        ThreadContext {
            id: Cell::new(0),
            slot: Cell::new(None),
            parent: Cell::new(ParentKey::ROOT),
            changes: Cell::new(0),
            inline_changes: [const {
                InlineChange {
                    key: Cell::new(NodeKey::ROOT),
                    node: Cell::new(None),
                }
            }; INLINE_CHANGES],
            record: Cell::new(None),
            free: Cell::new(None),
            free_count: Cell::new(0),
            free_limit: Cell::new(0),
            shard: Cell::new(ShardIndex::SHARED),
            next_id: Cell::new(0),
            end_of_ids: Cell::new(0),
        }
    }

    /// The shard in which the thread counts.
    #[inline]
    pub(crate) fn shard(&self) -> ShardIndex {
        self.shard.get()
    }

    /// The record of the thread.
    #[inline]
    pub(crate) fn record(&self) -> &'static ThreadRecord {
        match self.record.get() {
            Some(record) => record,
            None => self.claim_record(),
        }
    }

    #[cold]
    #[inline(never)]
    fn claim_record(&self) -> &'static ThreadRecord {
        let record = if LEASE.try_with(|_| ()).is_ok() {
            ThreadRecord::claim()
        } else {
            ThreadRecord::unlisted()
        };
        self.record.set(Some(record));
        record
    }

    /// True if the thread has polled a task.
    pub(crate) fn has_polled(&self) -> bool {
        self.record.get().is_some()
    }

    /// Takes an unused id.
    #[inline]
    pub(super) fn next_id(&self) -> u64 {
        let mut next = self.next_id.get();
        if next == self.end_of_ids.get() {
            next = id::next_block();
            self.end_of_ids.set(next.wrapping_add(BLOCK));
        }
        self.next_id.set(next.wrapping_add(1));
        next
    }

    /// Takes a free slot.
    #[inline]
    pub(super) fn take_slot(&self) -> &'static Slot {
        match self.pop_slot() {
            Some(slot) => slot,
            None => self.refill(),
        }
    }

    /// Returns a slot to the cache.
    #[inline]
    pub(super) fn put_slot(&self, slot: &'static Slot) {
        self.push_slot(slot);
        if self.free_count.get() > self.free_limit.get() {
            self.spill();
        }
    }

    #[inline]
    fn pop_slot(&self) -> Option<&'static Slot> {
        let slot = self.free.get()?;
        self.free.set(slot.next.load());
        self.free_count.set(self.free_count.get().wrapping_sub(1));
        Some(slot)
    }

    #[inline]
    fn push_slot(&self, slot: &'static Slot) {
        slot.next.store(self.free.get());
        self.free.set(Some(slot));
        self.free_count.set(self.free_count.get().wrapping_add(1));
    }

    #[cold]
    #[inline(never)]
    fn refill(&self) -> &'static Slot {
        if self.free_limit.get() == 0 {
            if LEASE.try_with(|_| ()).is_err() {
                // The thread is being torn down and caches no slots.
                return slot_pool::take();
            }
            self.free_limit.set(2 * BATCH);
            self.shard.set(next_shard());
        }
        slot_pool::take_batch(|slot| self.push_slot(slot));
        self.pop_slot().unwrap_or_else(slot_pool::take)
    }

    #[cold]
    #[inline(never)]
    fn spill(&self) {
        let slots = std::iter::from_fn(|| self.pop_slot());
        slot_pool::give_back(slots.take(BATCH as usize));
    }

    /// Number of changes so far; later ones belong to the poll that begins now.
    #[inline]
    pub(crate) fn changes(&self) -> u32 {
        self.changes.get()
    }

    /// Records the new node under a key of the current task's stack, `None` if it was removed.
    #[inline]
    pub(crate) fn record_change(&self, key: NodeKey, node: Option<StackNode>) {
        let count = self.changes.get();
        match self.inline_changes.get(count as usize) {
            Some(change) => {
                change.key.set(key);
                change.node.set(node);
                self.changes.set(count.wrapping_add(1));
            }
            None => self.record_in_list(key, node),
        }
    }

    #[cold]
    #[inline(never)]
    fn record_in_list(&self, key: NodeKey, node: Option<StackNode>) {
        // During the teardown of a thread the list is gone. The thread may still drop a request,
        // for example with a runtime in a thread-local; no stack is shown then.
        let noted = MORE_CHANGES.try_with(|more| more.borrow_mut().push(NodeChange { key, node }));
        let more = u32::from(noted.is_ok());
        self.changes.set(self.changes.get().wrapping_add(more));
    }

    /// The changes after the first `before`, `None` if some are not inline. Discarded by
    /// [`discard_inline`](Self::discard_inline).
    #[inline]
    pub(super) fn inline_changes(&self, before: u32) -> Option<&[InlineChange]> {
        self.inline_changes
            .get(before as usize..self.changes.get() as usize)
    }

    /// Discards the changes after the first `before`, which are inline.
    #[inline]
    pub(super) fn discard_inline(&self, before: u32) {
        self.changes.set(before);
    }

    /// Takes the changes after the first `before`.
    pub(crate) fn take_changes(
        &self,
        before: u32,
        mut each: impl FnMut(NodeKey, Option<StackNode>),
    ) {
        let count = self.changes.replace(before) as usize;
        let inline = before as usize..count.min(INLINE_CHANGES);
        for change in self.inline_changes.get(inline).unwrap_or_default() {
            each(change.key.get(), change.node.get());
        }
        if count > INLINE_CHANGES {
            let _ = MORE_CHANGES.try_with(|more| {
                let first = (before as usize).saturating_sub(INLINE_CHANGES);
                let taken: Vec<NodeChange> = more.borrow_mut().drain(first..).collect();
                for NodeChange { key, node } in taken {
                    each(key, node);
                }
            });
        }
    }

    /// Discards the changes after the first `before`.
    pub(crate) fn discard_changes(&self, before: u32) {
        self.take_changes(before, |_, _| ());
    }
}

impl TaskId {
    /// The id of the task that this thread polls.
    pub(crate) fn current() -> Option<Self> {
        TaskId::from_number(with_thread(|thread| thread.id.get()))
    }

    /// An id that is given to no task.
    pub(crate) fn next() -> Self {
        TaskId::from_counter(with_thread(ThreadContext::next_id))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        with_thread(|thread| {
            thread.free_limit.set(0);
            slot_pool::give_back(std::iter::from_fn(|| thread.pop_slot()));
            let shard = thread.shard.replace(ShardIndex::SHARED);
            if shard != ShardIndex::SHARED {
                let (free, _) = &mut *SHARD_INDICES.lock();
                free.push(shard.number());
            }
            if let Some(record) = thread.record.replace(Some(ThreadRecord::unlisted())) {
                record.release();
            }
        });
    }
}

fn next_shard() -> ShardIndex {
    let (free, next) = &mut *SHARD_INDICES.lock();
    let smallest = (0..free.len()).min_by_key(|at| free.get(*at).copied());
    let index = if let Some(at) = smallest {
        // The smallest, because threads beyond `SHARDS` share one shard.
        free.swap_remove(at)
    } else {
        let index = *next;
        *next = next.saturating_add(1);
        index
    };
    ShardIndex::new(index)
}

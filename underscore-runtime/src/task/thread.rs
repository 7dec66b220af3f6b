//! What a thread knows of itself: the task that it polls, the changes of that task's stack since
//! the poll began, and its share of what tasks are made from: free slots, ids, an index for
//! statistics.
//!
//! One thread-local of plain cells that is never dropped, so reaching it takes no check whether it
//! is there yet or still. What has to be given back at the end of the thread is given back by
//! `LEASE`.

use std::cell::{Cell, RefCell};

use super::id::{self, BLOCK, TaskId};
use super::slot::Slot;
use super::slot_pool::{self, BATCH};
use crate::stack::{Node, NodeChange, NodeKey, ParentKey};
use crate::stats::ShardIndex;
use crate::sync::Mutex;
use crate::threads::ThreadRecord;

/// How many changes of a poll are kept without allocating.
const INLINE_CHANGES: usize = 4;

/// The state of one thread.
pub(crate) struct ThreadContext {
    /// The id of the task that is polled; zero outside of all.
    pub(crate) id: Cell<u64>,
    /// Its slot, if `id` is not zero.
    pub(crate) slot: Cell<Option<&'static Slot>>,
    /// The await that is being polled; the root outside of all.
    pub(crate) parent: Cell<ParentKey>,
    /// How many changes there are, of this poll and of those around it.
    changes: Cell<u32>,
    inline_changes: [InlineChange; INLINE_CHANGES],
    /// What the thread says of itself to others.
    record: Cell<Option<&'static ThreadRecord>>,
    /// Free slots, a list through `Slot::next`, and how many.
    free: Cell<Option<&'static Slot>>,
    free_count: Cell<u32>,
    /// How many of them it may keep: zero before `LEASE` exists, and after it was dropped.
    free_limit: Cell<u32>,
    shard: Cell<ShardIndex>,
    /// The next id, and the end of the thread's block of ids.
    next_id: Cell<u64>,
    end_of_ids: Cell<u64>,
}

/// A change of the current task's stack that is not committed yet.
pub(super) struct InlineChange {
    pub(super) key: Cell<NodeKey>,
    pub(super) node: Cell<Option<Node>>,
}

thread_local! {
    static CONTEXT: ThreadContext = const { ThreadContext::new() };
    /// Changes past the inline ones.
    static MORE_CHANGES: RefCell<Vec<NodeChange>> = const { RefCell::new(Vec::new()) };
    static LEASE: Lease = const { Lease };
}

/// Gives back what the thread has, when the thread ends.
struct Lease;

/// Indices that no thread has any more, and the first one that none had yet.
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

    /// The shard in which it counts.
    #[inline]
    pub(crate) fn shard(&self) -> ShardIndex {
        self.shard.get()
    }

    /// Its record.
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

    /// An id that no task has had.
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

    /// A free slot.
    #[inline]
    pub(super) fn take_slot(&self) -> &'static Slot {
        match self.pop_slot() {
            Some(slot) => slot,
            None => self.refill(),
        }
    }

    /// Keeps a slot that is free now.
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
                // The thread is being torn down: it keeps nothing.
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

    /// The number of changes so far: those past it are the ones of the poll that begins.
    #[inline]
    pub(crate) fn changes(&self) -> u32 {
        self.changes.get()
    }

    /// Notes what is under a key of the current task's stack now, if anything.
    #[inline]
    pub(crate) fn note_change(&self, key: NodeKey, node: Option<Node>) {
        let count = self.changes.get();
        match self.inline_changes.get(count as usize) {
            Some(change) => {
                change.key.set(key);
                change.node.set(node);
                self.changes.set(count.wrapping_add(1));
            }
            None => self.note_in_list(key, node),
        }
    }

    #[cold]
    #[inline(never)]
    fn note_in_list(&self, key: NodeKey, node: Option<Node>) {
        // A thread that is being torn down has no list any more, and no stack to show. It may still
        // drop a request, as a runtime does that is kept in a thread-local.
        let noted = MORE_CHANGES.try_with(|more| more.borrow_mut().push(NodeChange { key, node }));
        let more = u32::from(noted.is_ok());
        self.changes.set(self.changes.get().wrapping_add(more));
    }

    /// The changes past the first `before`, if all of them are inline. They stay: see
    /// [`forget_inline`](Self::forget_inline).
    #[inline]
    pub(super) fn inline_changes(&self, before: u32) -> Option<&[InlineChange]> {
        self.inline_changes
            .get(before as usize..self.changes.get() as usize)
    }

    /// Forgets the changes past the first `before`, which are inline.
    #[inline]
    pub(super) fn forget_inline(&self, before: u32) {
        self.changes.set(before);
    }

    /// Takes the changes past the first `before`.
    pub(crate) fn take_changes(&self, before: u32, mut each: impl FnMut(NodeKey, Option<Node>)) {
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

    /// Forgets the changes past the first `before`.
    pub(crate) fn discard_changes(&self, before: u32) {
        self.take_changes(before, |_, _| ());
    }
}

impl TaskId {
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
    let smallest = (0..free.len()).min_by_key(|place| free.get(*place).copied());
    let index = if let Some(place) = smallest {
        // The smallest, for threads past `SHARDS` share one shard.
        free.swap_remove(place)
    } else {
        let index = *next;
        *next = next.saturating_add(1);
        index
    };
    ShardIndex::new(index)
}

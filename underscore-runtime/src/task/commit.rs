//! Changes of a task's stack by its poller: keys for awaits, and the commit that makes the changes
//! of a poll visible at once.

use super::poller_state::NODES;
use super::slot::Slot;
use super::thread::ThreadContext;
use crate::stack::{Keys, NodeChange, NodeKey, Stack, StackNode, Tree};
use crate::sync::atomic::Ordering;

/// Maximum number of attempts to read a stack that changes meanwhile. A task that commits without a
/// pause for all of them is shown at no await.
const MAX_READS: usize = 100_000;

/// For the thread that polls the task.
impl Slot {
    #[inline]
    fn keys(&self) -> Keys {
        Keys::from_bits(self.keys.load(Ordering::Relaxed))
    }

    #[inline]
    fn set_keys(&self, keys: Keys) {
        self.keys.store(keys.to_bits(), Ordering::Relaxed);
    }

    /// Takes a free key of its stack.
    #[inline]
    pub(crate) fn take_key(&self) -> NodeKey {
        let mut keys = self.keys();
        match keys.take() {
            Some(key) => {
                self.set_keys(keys);
                key
            }
            None => self.take_high_key(),
        }
    }

    /// A task with more than 64 awaits at once takes further keys from the tree.
    #[cold]
    fn take_high_key(&self) -> NodeKey {
        self.set_has_extra();
        let mut inner = self.inner.lock();
        inner.extra_or_new(self.id()).tree.take_high()
    }

    /// Frees a key whose removal is committed, or which was never committed.
    #[inline]
    pub(crate) fn release_key(&self, key: NodeKey) {
        let mut keys = self.keys();
        keys.release(key);
        self.set_keys(keys);
    }

    /// Frees a high key that was never committed. Not deferred to the commit: a loop over ready
    /// awaits would use up all keys in one poll.
    #[cold]
    pub(crate) fn release_high_key(&self, key: NodeKey) {
        if let Some(extra) = self.inner.lock().extra(self.id()) {
            extra.tree.release_high(key);
        }
    }

    /// Commits the thread's changes after the first `before`.
    #[inline]
    pub(crate) fn commit(&self, thread: &ThreadContext, before: u32) {
        let changes = thread.inline_changes(before);
        let Some(changes) = changes.filter(|_| !self.is_signalled()) else {
            return self.commit_and_settle(thread, before);
        };
        self.set_flags(NODES);
        self.node_writes.write(|| {
            for change in changes {
                let (key, node) = (change.key.get(), change.node.get());
                if !self.nodes.put(key, node) {
                    self.put_in_tree(key, node);
                }
            }
        });
        thread.discard_inline(before);
    }

    #[cold]
    #[inline(never)]
    fn put_in_tree(&self, key: NodeKey, node: Option<StackNode>) {
        self.set_has_extra();
        let mut inner = self.inner.lock();
        let tree = &mut inner.extra_or_new(self.id()).tree;
        tree.apply(&NodeChange { key, node });
    }

    /// As `commit`, for many changes or if other threads may have removed awaits meanwhile.
    #[cold]
    #[inline(never)]
    fn commit_and_settle(&self, thread: &ThreadContext, before: u32) {
        self.set_flags(NODES);
        self.set_has_extra();
        self.node_writes.write(|| {
            let mut inner = self.inner.lock();
            let tree = &mut inner.extra_or_new(self.id()).tree;
            thread.take_changes(before, |key, node| {
                let is_gone = node.is_some() && tree.is_dropped(key);
                if !is_gone && !self.nodes.put(key, node) {
                    tree.apply(&NodeChange { key, node });
                }
            });
            self.settle(tree);
        });
    }

    /// Frees the keys of awaits that other threads removed.
    fn settle(&self, tree: &mut Tree) {
        let gone = tree.take_dropped();
        let mut keys = self.keys();
        keys.release_all(gone);
        self.set_keys(keys);
        for key in gone.iter() {
            self.nodes.put(key, None);
        }
    }

    /// Handles a signal of another thread, before a poll. True if the task is interrupted.
    #[cold]
    #[inline(never)]
    pub(crate) fn take_signal(&self) -> bool {
        let id = self.id();
        let mut interrupted = false;
        self.node_writes.write(|| {
            let mut inner = self.inner.lock();
            if let Some(extra) = inner.extra(id) {
                self.set_has_extra();
                interrupted = extra.interrupts.is_some();
                if !interrupted {
                    self.settle(&mut extra.tree);
                }
            }
            if !interrupted {
                // Under the lock: no other signal was stored since.
                self.signalled.store(0, Ordering::Relaxed);
                // Equals no waker, because the signal may have taken the registered one.
                self.waker_vtable.store(0, Ordering::Relaxed);
            }
        });
        interrupted
    }

    /// Removes all awaits, at the end of the task.
    pub(super) fn clear_nodes(&self) {
        self.node_writes.write(|| self.nodes.clear());
    }

    /// The awaits of the task with this id at one moment, on any thread, and not more than about
    /// `most`: the poller waits for the lock while they are copied. Empty if it has ended.
    pub(super) fn stack(&self, id: u64, most: usize) -> Stack {
        for _ in 0..MAX_READS {
            let stack = self.node_writes.try_read(|| {
                let mut inner = self.inner.lock();
                let nodes = self.nodes.read();
                match inner.extra(id) {
                    Some(extra) => extra.tree.snapshot_with(&nodes, most),
                    None => Tree::default().snapshot_with(&nodes, most),
                }
            });
            if let Some(stack) = stack {
                return if self.belongs_to(id) {
                    stack
                } else {
                    Stack::default()
                };
            }
            // The poller is committing and may wait for the lock, which is not held here.
            crate::sync::yield_now();
        }
        Stack::default()
    }
}

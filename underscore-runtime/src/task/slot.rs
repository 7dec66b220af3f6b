//! The record of a task. Slots are never freed but handed from one task to the next, so that a
//! reference to one is always good; the id in it says whose it is now.
//!
//! The thread that polls the task writes its slot, with loads and stores. Other threads read it, or
//! take the lock of `inner` to leave something for the poller. An id is never given twice, so it is
//! also the generation: a reader that finds the same id before and after has read the record of
//! that task.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::extra::SlotInner;
use super::meta_buffer::MetaBuffer;
use crate::clock::AtomicInstant;
use crate::routes::Route;
use crate::seq_count::SeqCount;
use crate::stack::InlineNodes;
use crate::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use crate::sync::{AtomicCell, Mutex};

/// A task's record: 256 bytes, of which a poll touches the first 64.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Slot {
    // What each poll touches.
    /// The id of the task; zero while the slot is free.
    pub(super) id: AtomicU64,
    /// The id of a task for which another thread left something in `inner`.
    pub(super) signalled: AtomicU64,
    /// Twice the number of polls so far, and one more during a poll.
    pub(super) polls: AtomicU64,
    /// When the last poll ended; during a poll within one of another task, when it began.
    pub(super) since: AtomicInstant,
    /// The keys of its awaits that are in use, a bit each. The poller's own.
    pub(super) keys: AtomicU64,
    /// The waker that was registered last, by its two addresses. The poller's own.
    pub(super) waker_data: AtomicUsize,
    pub(super) waker_vtable: AtomicUsize,
    /// The poller's own: see `poller_state`.
    pub(super) flags: AtomicU32,
    /// Of `nodes`, and of the tree in `Extra` as far as commits change it.
    pub(super) node_writes: SeqCount,

    // What the task is.
    pub(super) route: AtomicCell<Option<&'static Route>>,
    pub(super) started: AtomicU64,
    /// What is known of it, and where: see `info`.
    pub(super) info: AtomicU32,
    /// The number of the thread that polls it, if that is in more than one poll.
    pub(super) thread: AtomicU32,
    /// The next slot in a list of free ones.
    pub(super) next: AtomicCell<Option<&'static Slot>>,
    remote: [AtomicU64; 4],

    // Where it waits.
    pub(super) nodes: InlineNodes,
    /// When its response began to stream, and the bytes of it so far.
    pub(super) streaming_since: AtomicInstant,
    pub(super) bytes_sent: AtomicU64,
    /// Room for what the client said, from the first time that it is needed.
    pub(super) meta: AtomicCell<Option<&'static MetaBuffer>>,
    pub(super) inner: Mutex<SlotInner>,
}

/// The bits of [`Slot::info`].
pub(super) mod info {
    use axum::http::Version;

    /// The HTTP version.
    const VERSION: u32 = 0xf;
    pub(in crate::task) const REMOTE_V4: u32 = 1 << 8;
    pub(in crate::task) const REMOTE_V6: u32 = 1 << 9;
    /// The method is not the route's, and in `Extra`.
    pub(in crate::task) const METHOD: u32 = 1 << 10;
    /// What the client said is in the slot's `MetaBuffer`.
    pub(in crate::task) const META_INLINE: u32 = 1 << 11;
    /// What the client said is in `Extra`.
    pub(in crate::task) const META_BOXED: u32 = 1 << 12;
    /// The request was made within another task, which is in `Extra`.
    pub(in crate::task) const PARENT: u32 = 1 << 14;
    /// It is a call on a blocking thread.
    pub(in crate::task) const BLOCKING: u32 = 1 << 15;
    /// It is background work, not a request.
    pub(in crate::task) const BACKGROUND: u32 = 1 << 13;
    /// The number of the runtime that it was begun in: the upper 16 bits.
    pub(in crate::task) const RUNTIME: u32 = 16;

    /// The bits of an HTTP version.
    #[inline]
    pub(in crate::task) fn from_version(version: Version) -> u32 {
        match version {
            Version::HTTP_09 => 0,
            Version::HTTP_10 => 1,
            Version::HTTP_11 => 2,
            Version::HTTP_2 => 3,
            _ => 4,
        }
    }

    /// The HTTP version in the bits of `info`.
    pub(in crate::task) fn version(info: u32) -> Version {
        match info & VERSION {
            0 => Version::HTTP_09,
            1 => Version::HTTP_10,
            2 => Version::HTTP_11,
            3 => Version::HTTP_2,
            _ => Version::HTTP_3,
        }
    }
}

impl Slot {
    pub(crate) fn new() -> Self {
        const {
            // A lock in their place would be one on the hot path.
            assert!(AtomicCell::<Option<&'static Route>>::is_lock_free());
            assert!(AtomicCell::<Option<&'static Slot>>::is_lock_free());
            assert!(AtomicCell::<Option<&'static MetaBuffer>>::is_lock_free());
        }
        Slot {
            id: AtomicU64::new(0),
            signalled: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            since: AtomicInstant::never(),
            keys: AtomicU64::new(0),
            waker_data: AtomicUsize::new(0),
            waker_vtable: AtomicUsize::new(0),
            flags: AtomicU32::new(0),
            node_writes: SeqCount::new(),
            route: AtomicCell::new(None),
            started: AtomicU64::new(0),
            info: AtomicU32::new(0),
            thread: AtomicU32::new(u32::MAX),
            next: AtomicCell::new(None),
            remote: std::array::from_fn(|_| AtomicU64::new(0)),
            nodes: InlineNodes::new(),
            streaming_since: AtomicInstant::never(),
            bytes_sent: AtomicU64::new(0),
            meta: AtomicCell::new(None),
            inner: Mutex::new(SlotInner::new()),
        }
    }

    /// The id of its task. For the thread that polls the task.
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    /// True while it is the record of the task with this id.
    pub(crate) fn belongs_to(&self, id: u64) -> bool {
        // Acquire: pairs with the store in `release`. Who sees that the task is gone sees how it
        // ended.
        self.id.load(Ordering::Acquire) == id
    }

    /// Reads fields of the task with this id; `None` if the slot is not, or no longer, that task's.
    pub(super) fn read<T>(&self, id: u64, read: impl FnOnce(&Self) -> T) -> Option<T> {
        // Acquire: pairs with the store in `publish`.
        if self.id.load(Ordering::Acquire) != id {
            return None;
        }
        let value = read(self);
        // Pairs with the fence in `reserve`: a field of the next task comes with the end of this
        // one.
        fence(Ordering::Acquire);
        (self.id.load(Ordering::Relaxed) == id).then_some(value)
    }

    /// Begins to fill a free slot for another task.
    #[inline]
    pub(super) fn reserve(&self) {
        // Pairs with the fence in `read`.
        fence(Ordering::Release);
        self.polls.store(0, Ordering::Relaxed);
        self.since.set(None);
        self.keys.store(0, Ordering::Relaxed);
        self.flags.store(0, Ordering::Relaxed);
        // No waker is like it.
        self.waker_vtable.store(0, Ordering::Relaxed);
    }

    /// Makes it the record of the task with this id: all of that was written before.
    #[inline]
    pub(super) fn publish(&self, id: u64) {
        // Release: who sees the id sees the record, and finds the task counted.
        self.id.store(id, Ordering::Release);
    }

    /// Ends being the record of a task: its end was counted before.
    #[inline]
    pub(super) fn release(&self) {
        // Release: who sees that the task is gone finds its end counted, and how it ended.
        self.id.store(0, Ordering::Release);
    }

    /// Keeps the client's address, and gives back the bits of `info` that say so.
    #[inline]
    pub(super) fn set_remote(&self, remote: &SocketAddr) -> u32 {
        let [high, low, port, scope] = &self.remote;
        let store = |word: &AtomicU64, value: u64| word.store(value, Ordering::Relaxed);
        match remote {
            SocketAddr::V4(address) => {
                store(low, address.ip().to_bits().into());
                store(port, address.port().into());
                info::REMOTE_V4
            }
            SocketAddr::V6(address) => {
                let (ip_high, ip_low) = halves(address.ip().to_bits());
                store(high, ip_high);
                store(low, ip_low);
                store(port, address.port().into());
                store(
                    scope,
                    u64::from(address.flowinfo()) << 32 | u64::from(address.scope_id()),
                );
                info::REMOTE_V6
            }
        }
    }

    /// The client's address, if it is known.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "what was widened to be stored"
    )]
    pub(super) fn remote(&self) -> Option<SocketAddr> {
        let [high, low, port, scope] = self.remote.each_ref();
        let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let port = load(port) as u16;
        let info = self.info.load(Ordering::Relaxed);
        if info & info::REMOTE_V4 != 0 {
            let ip = Ipv4Addr::from_bits(load(low) as u32);
            Some(SocketAddr::new(IpAddr::V4(ip), port))
        } else if info & info::REMOTE_V6 != 0 {
            let ip = Ipv6Addr::from_bits(u128::from(load(high)) << 64 | u128::from(load(low)));
            let scope = load(scope);
            Some(SocketAddrV6::new(ip, port, (scope >> 32) as u32, scope as u32).into())
        } else {
            None
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the two halves of it")]
fn halves(bits: u128) -> (u64, u64) {
    ((bits >> 64) as u64, bits as u64)
}

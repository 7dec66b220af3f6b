//! The record of a task. Slots are never freed but reused by later tasks, so a reference to one is
//! always valid; its id tells which task it currently belongs to.
//!
//! The thread that polls the task writes its slot, with loads and stores. Other threads read it, or
//! take the lock of `inner` to signal the poller. Ids are never reused, so an id is also the
//! generation: a reader that finds the same id before and after has read the record of that task.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::extra::SlotInner;
use super::meta_buffer::MetaBuffer;
use crate::clock::AtomicInstant;
use crate::routes::Route;
use crate::seq_count::SeqCount;
use crate::stack::InlineNodes;
use crate::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use crate::sync::{AtomicCell, Mutex};

/// A task's record: 256 bytes, of which a poll accesses the first 64.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Slot {
    // Accessed by each poll.
    /// The id of the task; zero while the slot is free.
    pub(super) id: AtomicU64,
    /// The id of the task that another thread has signalled through `inner`.
    pub(super) signalled: AtomicU64,
    /// Twice the number of completed polls, plus one during a poll.
    pub(super) polls: AtomicU64,
    /// When the last poll ended; during a poll within that of another task, when it began.
    pub(super) since: AtomicInstant,
    /// The keys of its awaits that are in use, a bit each. Used by the poller only.
    pub(super) keys: AtomicU64,
    /// The last registered waker, by its two addresses. Used by the poller only.
    pub(super) waker_data: AtomicUsize,
    pub(super) waker_vtable: AtomicUsize,
    /// See `poller_state`.
    pub(super) flags: AtomicU32,
    /// Guards `nodes`, and the tree in `Extra` against reads during a commit.
    pub(super) node_writes: SeqCount,

    // The kind of the task.
    pub(super) route: AtomicCell<Option<&'static Route>>,
    pub(super) started: AtomicU64,
    /// The stored properties and their places: see `info`.
    pub(super) info: AtomicU32,
    /// The number of the polling thread if that is in more than one poll, else `u32::MAX`.
    pub(super) thread: AtomicU32,
    /// The next slot in a list of free ones.
    pub(super) next: AtomicCell<Option<&'static Slot>>,
    remote: [AtomicU64; 4],

    // The place where the task waits.
    pub(super) nodes: InlineNodes,
    /// Time at which its response began to stream.
    pub(super) streaming_since: AtomicInstant,
    /// Number of body bytes passed to the connection.
    pub(super) bytes_sent: AtomicU64,
    /// The buffer for the URI and the headers, allocated on first use.
    pub(super) meta: AtomicCell<Option<&'static MetaBuffer>>,
    pub(super) inner: Mutex<SlotInner>,
}

/// The bits of [`Slot::info`].
pub(super) mod info {
    use axum::http::Version;

    /// The HTTP version.
    const VERSION: u32 = 0xf;
    /// The connection of the request is tracked.
    pub(in crate::task) const CONNECTION: u32 = 1 << 4;
    pub(in crate::task) const REMOTE_V4: u32 = 1 << 8;
    pub(in crate::task) const REMOTE_V6: u32 = 1 << 9;
    /// The method differs from the route's, and is in `Extra`.
    pub(in crate::task) const METHOD: u32 = 1 << 10;
    /// The URI and the headers are in the slot's `MetaBuffer`.
    pub(in crate::task) const META_INLINE: u32 = 1 << 11;
    /// The URI and the headers are in `Extra`.
    pub(in crate::task) const META_BOXED: u32 = 1 << 12;
    /// The request was made within another task, which is in `Extra`.
    pub(in crate::task) const PARENT: u32 = 1 << 14;
    /// A call on a blocking thread.
    pub(in crate::task) const BLOCKING: u32 = 1 << 15;
    /// Background work, not a request.
    pub(in crate::task) const BACKGROUND: u32 = 1 << 13;
    /// The position of the runtime's number: the upper 16 bits.
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
            // With locks instead, the hot path would take them.
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

    /// The id of its task. Called by the thread that polls the task.
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    /// True while it is the record of the task with this id.
    pub(crate) fn belongs_to(&self, id: u64) -> bool {
        // Acquire: pairs with the store in `release`. A reader that sees the end of the task sees
        // its outcome.
        self.id.load(Ordering::Acquire) == id
    }

    /// Reads fields of the task with this id, `None` if the slot does not belong to it.
    pub(super) fn read<T>(&self, id: u64, read: impl FnOnce(&Self) -> T) -> Option<T> {
        // Acquire: pairs with the store in `publish`.
        if self.id.load(Ordering::Acquire) != id {
            return None;
        }
        let value = read(self);
        // Pairs with the fence in `reserve`: a reader of a field of the next task also sees the end
        // of this one.
        fence(Ordering::Acquire);
        (self.id.load(Ordering::Relaxed) == id).then_some(value)
    }

    /// Prepares a free slot for another task.
    #[inline]
    pub(super) fn reserve(&self) {
        // Pairs with the fence in `read`.
        fence(Ordering::Release);
        self.polls.store(0, Ordering::Relaxed);
        self.since.set(None);
        self.keys.store(0, Ordering::Relaxed);
        self.flags.store(0, Ordering::Relaxed);
        // Equals no waker.
        self.waker_vtable.store(0, Ordering::Relaxed);
    }

    /// Publishes the id of its task. All fields were written before.
    #[inline]
    pub(super) fn publish(&self, id: u64) {
        // Release: a reader of the id sees the record, and the task in the route's counters.
        self.id.store(id, Ordering::Release);
    }

    /// Clears the id. The end of the task was counted before.
    #[inline]
    pub(super) fn release(&self) {
        // Release: a reader that sees the end of the task sees it counted, and its outcome.
        self.id.store(0, Ordering::Release);
    }

    /// Stores the route of the request that background work belongs to, in a word of the client's
    /// address, which such work has not.
    pub(super) fn set_request_route(&self, route: Option<&'static Route>) {
        // The address identifies it: routes are never freed.
        let address = route.map_or(0, |route| std::ptr::from_ref(route).addr());
        let [word, ..] = &self.remote;
        word.store(address as u64, Ordering::Relaxed);
    }

    /// The address of the route of the request that background work belongs to, zero for none.
    /// Called by the thread that polls the work; takes no lock.
    #[allow(dead_code, reason = "used with the feature `tracing-subscriber`")]
    pub(crate) fn request_route_address(&self) -> usize {
        let [word, ..] = &self.remote;
        usize::try_from(word.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Stores the id of the request's connection, in the word of the client's port. Returns the bit
    /// of `info` for it. Called after [`set_remote`](Self::set_remote).
    pub(super) fn set_connection(&self, id: u64, info: u32) -> u32 {
        let [_, _, word, _] = &self.remote;
        let port = match info & (info::REMOTE_V4 | info::REMOTE_V6) {
            0 => 0,
            _ => word.load(Ordering::Relaxed),
        };
        word.store(id << 16 | port, Ordering::Relaxed);
        info::CONNECTION
    }

    /// The id of the request's connection, if that is tracked.
    pub(super) fn connection(&self) -> Option<u64> {
        let [_, _, word, _] = &self.remote;
        let is_known = self.info.load(Ordering::Relaxed) & info::CONNECTION != 0;
        is_known.then(|| word.load(Ordering::Relaxed) >> 16)
    }

    /// Stores the client's address. Returns the bits of `info` for its family.
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

    /// The client's address, `None` if it is unknown.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the values were widened to be stored"
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

#[allow(clippy::cast_possible_truncation, reason = "the two halves")]
fn halves(bits: u128) -> (u64, u64) {
    ((bits >> 64) as u64, bits as u64)
}

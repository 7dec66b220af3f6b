//! loom's version of the runtime's `sync`: types of loom, and stand-ins made of them for those that
//! loom lacks.

use std::future::poll_fn;
use std::ops::Deref;
use std::task::{Poll, Waker};

pub(crate) use loom::sync::atomic;
pub(crate) use loom::thread::yield_now;

use atomic::{AtomicUsize, Ordering, fence};
use loom::sync::MutexGuard;

/// Stand-in for the runtime's `Mutex`. No model panics while it holds a lock.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("loom's locks are not poisoned")
    }
}

/// Stand-in for a lock-free `AtomicCell` of crossbeam, with the same orderings. It is an atomic
/// index of all values ever stored, because loom has no atomic references.
#[derive(Debug)]
pub(crate) struct AtomicCell<T> {
    values: std::sync::Mutex<Vec<T>>,
    newest: AtomicUsize,
}

impl<T: Copy> AtomicCell<T> {
    pub(crate) fn new(value: T) -> Self {
        AtomicCell {
            values: std::sync::Mutex::new(vec![value]),
            newest: AtomicUsize::new(0),
        }
    }

    /// The runtime asserts it of the real one at compile time.
    pub(crate) const fn is_lock_free() -> bool {
        true
    }

    pub(crate) fn store(&self, value: T) {
        let newest = {
            let mut values = self.values.lock().expect("not poisoned");
            values.push(value);
            values.len() - 1
        };
        self.newest.store(newest, Ordering::Release);
    }

    pub(crate) fn load(&self) -> T {
        let newest = self.newest.load(Ordering::Acquire);
        self.values.lock().expect("not poisoned")[newest]
    }
}

/// Stand-in for std's `Arc`, because loom's has no [`Weak`]. It counts with the orderings of std's,
/// so that it synchronizes no more than that. The inner `Arc` of std only frees.
#[derive(Debug)]
pub(crate) struct Arc<T: ?Sized> {
    count: std::sync::Arc<AtomicUsize>,
    value: std::sync::Arc<T>,
}

#[derive(Debug)]
pub(crate) struct Weak<T: ?Sized> {
    count: std::sync::Arc<AtomicUsize>,
    value: std::sync::Weak<T>,
}

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Arc::from(std::sync::Arc::new(value))
    }
}

impl<T: Default> Default for Arc<T> {
    fn default() -> Self {
        Arc::new(T::default())
    }
}

impl<T: ?Sized> Arc<T> {
    pub(crate) fn downgrade(this: &Self) -> Weak<T> {
        Weak {
            count: std::sync::Arc::clone(&this.count),
            value: std::sync::Arc::downgrade(&this.value),
        }
    }
}

impl<T: ?Sized> Weak<T> {
    pub(crate) fn strong_count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn upgrade(&self) -> Option<Arc<T>> {
        let increment = |count: usize| (count > 0).then_some(count + 1);
        self.count
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, increment)
            .ok()?;
        Some(Arc {
            count: std::sync::Arc::clone(&self.count),
            value: self.value.upgrade().expect("the count is above zero"),
        })
    }
}

impl<T: ?Sized> From<std::sync::Arc<T>> for Arc<T> {
    fn from(value: std::sync::Arc<T>) -> Self {
        Arc {
            count: std::sync::Arc::new(AtomicUsize::new(1)),
            value,
        }
    }
}

impl From<&str> for Arc<str> {
    fn from(text: &str) -> Self {
        Arc::from(std::sync::Arc::from(text))
    }
}

impl<T: ?Sized> Clone for Arc<T> {
    fn clone(&self) -> Self {
        self.count.fetch_add(1, Ordering::Relaxed);
        Arc {
            count: std::sync::Arc::clone(&self.count),
            value: std::sync::Arc::clone(&self.value),
        }
    }
}

impl<T: ?Sized> Drop for Arc<T> {
    fn drop(&mut self) {
        // A failed run has no more steps, and a second panic would hide the first.
        if std::thread::panicking() {
            return;
        }
        if self.count.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
        }
    }
}

impl<T: ?Sized> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Stand-in for arc-swap's: a reader may get an earlier value, and sees it as it was when stored.
/// arc-swap synchronizes at least as much.
#[derive(Debug)]
pub(crate) struct ArcSwapOption<T> {
    /// All values ever stored.
    values: std::sync::Mutex<Vec<Value<T>>>,
    newest: AtomicUsize,
}

/// Behind an `Arc` of std: cloning loom's is a step, which must not be taken under a lock of std.
type Value<T> = Option<std::sync::Arc<Arc<T>>>;

impl<T> ArcSwapOption<T> {
    pub(crate) fn new(value: Option<Arc<T>>) -> Self {
        ArcSwapOption {
            values: std::sync::Mutex::new(vec![value.map(std::sync::Arc::new)]),
            newest: AtomicUsize::new(0),
        }
    }

    pub(crate) fn store(&self, value: Option<Arc<T>>) {
        let newest = {
            let mut values = self.values.lock().expect("not poisoned");
            values.push(value.map(std::sync::Arc::new));
            values.len() - 1
        };
        self.newest.store(newest, Ordering::Release);
    }

    pub(crate) fn load_full(&self) -> Option<Arc<T>> {
        let newest = self.newest.load(Ordering::Acquire);
        let value = self.values.lock().expect("not poisoned")[newest].clone();
        value.map(|value| Arc::clone(&value))
    }
}

/// Stand-in for tokio's, for one waiter. It stores at most one permit, and like tokio's it
/// synchronizes the waiter with the notifier.
#[derive(Debug, Default)]
pub(crate) struct Notify(Mutex<Permit>);

#[derive(Debug, Default)]
struct Permit {
    is_left: bool,
    waiter: Option<Waker>,
}

impl Notify {
    pub(crate) fn notify_one(&self) {
        let mut permit = self.0.lock();
        permit.is_left = true;
        let waiter = permit.waiter.take();
        drop(permit);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    pub(crate) fn notified(&self) -> impl Future<Output = ()> {
        poll_fn(|cx| {
            let mut permit = self.0.lock();
            if std::mem::take(&mut permit.is_left) {
                return Poll::Ready(());
            }
            permit.waiter = Some(cx.waker().clone());
            Poll::Pending
        })
    }
}

/// Does not catch panics: they are loom's, and mean that a model failed.
pub(crate) fn contained(code: impl FnOnce()) {
    code();
}

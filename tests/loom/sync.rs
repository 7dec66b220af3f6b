//! loom's side of the door that `underscore_runtime`'s `sync` is: what loom has, and for what it
//! has not, a stand-in made of its parts.

use std::future::poll_fn;
use std::ops::Deref;
use std::task::{Poll, Waker};

pub(crate) use loom::sync::atomic;
pub(crate) use loom::thread::yield_now;

use atomic::{AtomicUsize, Ordering, fence};
use loom::sync::MutexGuard;

/// As the runtime's. No model panics while a lock is held.
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

/// As crossbeam's where that has no lock: a number in an atomic, with the same orderings. It says
/// which of the values that were ever stored is there, for loom has no atomics of pointers and
/// functions.
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

    /// The runtime asks for this when it is compiled, of the real one.
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

/// loom's own has no [`Weak`]. This one counts as std's does, with the same orderings, so that it
/// hands over no more than that; std's own inside does nothing but free.
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
        let one_more = |count: usize| (count > 0).then_some(count + 1);
        self.count
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, one_more)
            .ok()?;
        Some(Arc {
            count: std::sync::Arc::clone(&self.count),
            value: self.value.upgrade().expect("it was counted"),
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
        // A run that failed is over: loom has no more steps, and to ask for one would hide why it
        // failed.
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

/// As arc-swap's: who reads may get what was put there before, and what was in it when it was put.
/// That one hands over at least as much.
#[derive(Debug)]
pub(crate) struct ArcSwapOption<T> {
    /// All that was ever put.
    values: std::sync::Mutex<Vec<Value<T>>>,
    newest: AtomicUsize,
}

/// Behind a pointer of std's: to copy loom's is a step, and no step may be taken under a lock of
/// std's.
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

/// As tokio's, for one waiter: a permit that is left before somebody waits is kept, and there is at
/// most one. It hands over what the notifier has seen, and tokio's does so too.
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

/// What it calls is loom's here, whose panics say that a model failed: they go on.
pub(crate) fn contained(code: impl FnOnce()) {
    code();
}

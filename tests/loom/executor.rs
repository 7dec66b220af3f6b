//! An executor of one future on a thread of loom. A wake synchronizes with the next poll, as with
//! every executor. A future that is never woken is a deadlock, which loom reports.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::{Condvar, Mutex};

/// Polls `future` to completion, and sleeps between wakes.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let sleep = Arc::new(Sleep::default());
    let waker = Waker::from(Arc::clone(&sleep));
    let mut future = Kept::new(Box::pin(future));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => sleep.until_woken(),
        }
    }
}

/// A guard, or a future with one, that is leaked during a panic. Its drop would end the task, which
/// takes steps of loom. A failed run has no more steps, and the second panic would hide the first.
pub(crate) struct Kept<T>(Option<T>);

impl<T> Kept<T> {
    pub(crate) fn new(kept: T) -> Self {
        Kept(Some(kept))
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("present until the drop")
    }
}

impl<T> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("present until the drop")
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::mem::forget(self.0.take());
        }
    }
}

#[derive(Default)]
struct Sleep {
    is_woken: Mutex<bool>,
    bell: Condvar,
}

impl Sleep {
    fn until_woken(&self) {
        let mut is_woken = self.is_woken.lock().expect("not poisoned");
        while !std::mem::take(&mut *is_woken) {
            is_woken = self.bell.wait(is_woken).expect("not poisoned");
        }
    }
}

impl Wake for Sleep {
    fn wake(self: Arc<Self>) {
        *self.is_woken.lock().expect("not poisoned") = true;
        self.bell.notify_one();
    }
}

//! Combinators written by hand, without a macro that hides an await from the stack.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub fn boxed<T>(future: impl Future<Output = T> + Send + 'static) -> Boxed<T> {
    Box::pin(future)
}

/// Polls `future` once. True if it is ready.
pub async fn poll_once<T>(future: &mut Boxed<T>) -> bool {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await
}

/// Polls both at each wake-up until both are done.
pub async fn join(one: impl Future, other: impl Future) {
    let (mut one, mut other) = (Box::pin(one), Box::pin(other));
    let (mut one_done, mut other_done) = (false, false);
    poll_fn(|cx| {
        one_done = one_done || one.as_mut().poll(cx).is_ready();
        other_done = other_done || other.as_mut().poll(cx).is_ready();
        if one_done && other_done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Waits until one of the two is ready; the other one is left as it is.
pub async fn first_of<T, U>(one: &mut Boxed<T>, other: &mut Boxed<U>) {
    poll_fn(
        |cx| match (one.as_mut().poll(cx), other.as_mut().poll(cx)) {
            (Poll::Pending, Poll::Pending) => Poll::Pending,
            _ => Poll::Ready(()),
        },
    )
    .await;
}

/// Polls `future` and turns its panic into `None`.
pub async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}

/// A set of futures that polls only those that were woken.
#[derive(Default)]
pub struct FanOut {
    branches: Vec<(Boxed<()>, Arc<Branch>)>,
}

struct Branch {
    woken: AtomicBool,
    all: std::sync::Mutex<Option<Waker>>,
}

impl Wake for Branch {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if let Some(waker) = self.all.lock().expect("whole").take() {
            waker.wake();
        }
    }
}

impl FanOut {
    pub fn push(&mut self, future: impl Future<Output = ()> + Send + 'static) {
        let branch = Branch {
            woken: AtomicBool::new(true),
            all: std::sync::Mutex::default(),
        };
        self.branches.push((boxed(future), Arc::new(branch)));
    }

    pub fn len(&self) -> usize {
        self.branches.len()
    }

    /// Waits until one of the futures is ready. False if the set is empty.
    pub async fn next(&mut self) -> bool {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        for (index, (future, branch)) in self.branches.iter_mut().enumerate() {
            *branch.all.lock().expect("whole") = Some(cx.waker().clone());
            if !branch.woken.swap(false, Ordering::SeqCst) {
                continue;
            }
            let waker = Waker::from(Arc::clone(branch));
            if future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                drop(self.branches.swap_remove(index));
                return Poll::Ready(true);
            }
        }
        if self.branches.is_empty() {
            Poll::Ready(false)
        } else {
            Poll::Pending
        }
    }
}

/// Polls `future` to completion on this thread, without a runtime.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}

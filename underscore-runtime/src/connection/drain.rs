//! The drain of the service: a graceful shutdown that an operator can begin and follow.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::clock::Instant;
use crate::sync::{Mutex, Notify, contained};

static DRAIN: Mutex<Drain> = Mutex::new(Drain {
    since: None,
    waiting: 0,
});

static BEGUN: Notify = Notify::const_new();

#[derive(Debug)]
struct Drain {
    since: Option<Instant>,
    /// Number of pending futures of [`drained`].
    waiting: usize,
}

/// Counts a future of [`drained`] while it is pending.
struct WaiterGuard;

impl WaiterGuard {
    fn new() -> Self {
        let mut drain = DRAIN.lock();
        drain.waiting = drain.waiting.saturating_add(1);
        WaiterGuard
    }
}

impl Drop for WaiterGuard {
    fn drop(&mut self) {
        let mut drain = DRAIN.lock();
        drain.waiting = drain.waiting.saturating_sub(1);
    }
}

/// Completes when `signal` does, or when an operator begins a drain with `POST /_drain`.
///
/// For `with_graceful_shutdown`: the service then stops accepting connections and ends when the
/// last one is closed. A drain lasts until the process exits.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use axum::Router;
/// use tokio::net::TcpListener;
/// use underscore_runtime::{drained, listen};
///
/// let listener = listen(TcpListener::bind("127.0.0.1:0").await?);
/// # let stop = std::future::ready(());
/// // `stop` is a future that completes on Ctrl-C, for example.
/// let served = axum::serve(listener, Router::new())
///     .with_graceful_shutdown(drained(stop))
///     .await;
/// assert!(served.is_ok());
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// Cancel safe if `signal` is.
pub async fn drained(signal: impl Future) {
    let _waiting = WaiterGuard::new();
    let (mut signal, mut begun) = (pin!(signal), pin!(begun()));
    poll_fn(|cx| {
        if signal.as_mut().poll(cx).is_ready() {
            begin();
            return Poll::Ready(());
        }
        begun.as_mut().poll(cx)
    })
    .await;
}

async fn begun() {
    loop {
        let notified = BEGUN.notified();
        if since().is_some() {
            return;
        }
        notified.await;
    }
}

/// Begins the drain unless it has begun.
pub(crate) fn begin() {
    DRAIN.lock().since.get_or_insert_with(Instant::now);
    // Wakers are code of the host.
    contained(|| BEGUN.notify_waiters());
}

/// Begin of the drain, `None` before it.
pub(crate) fn since() -> Option<Instant> {
    DRAIN.lock().since
}

/// True if a future of [`drained`] is pending. Without one, a drain has no effect.
pub(crate) fn is_awaited() -> bool {
    DRAIN.lock().waiting > 0
}

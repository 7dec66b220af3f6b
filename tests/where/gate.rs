//! The gate that every handler here waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use tokio::sync::Semaphore;

/// A gate that lets one waiter pass per opening, in order of arrival.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    permits: Semaphore,
    came: AtomicUsize,
    passed: AtomicUsize,
}

impl Default for Gate {
    fn default() -> Self {
        Gate(Arc::new(Inner {
            permits: Semaphore::new(0),
            came: AtomicUsize::new(0),
            passed: AtomicUsize::new(0),
        }))
    }
}

impl Gate {
    pub(crate) fn open(&self) {
        self.0.permits.add_permits(1);
    }

    /// True if a waiter has arrived.
    pub(crate) fn was_reached(&self) -> bool {
        self.0.came.load(Ordering::SeqCst) > 0
    }

    /// Number of waiters that have passed.
    pub(crate) fn passed(&self) -> usize {
        self.0.passed.load(Ordering::SeqCst)
    }

    /// Passes and returns the number of earlier passes.
    pub(crate) async fn pass(&self) -> usize {
        self.0.came.fetch_add(1, Ordering::SeqCst);
        self.0.permits.acquire().await.expect("stays").forget();
        self.0.passed.fetch_add(1, Ordering::SeqCst)
    }

    /// `pass` as a fallible operation.
    pub(crate) async fn checked(&self) -> Result<usize, StatusCode> {
        Ok(self.pass().await)
    }

    /// Passes, and returns `Some` if fewer than `limit` have passed before.
    pub(crate) async fn below(&self, limit: usize) -> Option<usize> {
        Some(self.pass().await).filter(|before| *before < limit)
    }
}

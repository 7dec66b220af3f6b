//! What every handler here waits for, and how a test knows that it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use tokio::sync::Semaphore;

/// A gate that lets one through each time it is opened, in the order in which they came.
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

    /// Whether somebody has come to it.
    pub(crate) fn was_reached(&self) -> bool {
        self.0.came.load(Ordering::SeqCst) > 0
    }

    /// How many went through.
    pub(crate) fn passed(&self) -> usize {
        self.0.passed.load(Ordering::SeqCst)
    }

    /// Goes through, and says how many did before.
    pub(crate) async fn pass(&self) -> usize {
        self.0.came.fetch_add(1, Ordering::SeqCst);
        self.0.permits.acquire().await.expect("stays").forget();
        self.0.passed.fetch_add(1, Ordering::SeqCst)
    }

    /// The same for those who may fail.
    pub(crate) async fn checked(&self) -> Result<usize, StatusCode> {
        Ok(self.pass().await)
    }

    /// Goes through, and has something to tell if fewer than `limit` did before.
    pub(crate) async fn below(&self, limit: usize) -> Option<usize> {
        Some(self.pass().await).filter(|before| *before < limit)
    }
}

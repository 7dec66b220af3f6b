//! Handlers that hold guards.

use alloc::sync::Arc;
use core::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::{Mutex, MutexGuard, RwLock, Semaphore, TryAcquireError};
use tokio::time::{sleep, timeout};
use underscore_runtime::{underscore_frame, underscore_route};

/// A moment.
const MOMENT: Duration = Duration::from_millis(1);

/// What the handlers share.
#[derive(Debug, Clone)]
struct Shared {
    /// A lock.
    stock: Arc<Mutex<u64>>,
    /// Another one.
    config: Arc<RwLock<String>>,
    /// Some permits.
    permits: Arc<Semaphore>,
    /// Several locks.
    shards: Arc<[Mutex<u64>; 2]>,
}

/// Holds three guards.
#[underscore_route]
async fn holds(State(shared): State<Shared>) -> Result<String, StatusCode> {
    let Ok(_permit) = shared.permits.acquire().await else {
        return Err(StatusCode::GONE);
    };
    let mut stock = shared.stock.lock().await;
    let config = shared.config.read().await;
    *stock = stock.saturating_add(1);
    sleep(MOMENT).await;
    let text = format!("{stock} {config}");
    drop(config);
    let written = written(&shared).await + &written(&shared).await;
    if *stock > 2 {
        drop(stock);
        sleep(MOMENT).await;
    }
    Ok(text + &written)
}

/// Holds a lock while it takes others.
#[underscore_frame]
async fn written(shared: &Shared) -> String {
    let config = shared.config.write().await;
    if let Some(first) = shared.shards.first() {
        let one = first.lock().await;
        sleep(MOMENT.saturating_mul(u32::from(*one > 0))).await;
        drop(one);
    }
    let Some(row) = shared.shards.get(1_usize) else {
        return String::new();
    };
    let two = row.lock().await;
    sleep(MOMENT.saturating_mul(u32::from(*two > 0))).await;
    drop(two);
    config.clone()
}

/// Takes what it can get at once.
#[underscore_route]
async fn tries(State(shared): State<Shared>) -> StatusCode {
    match shared.permits.try_acquire() {
        Ok(permit) => {
            sleep(MOMENT).await;
            drop(permit);
        }
        Err(TryAcquireError::NoPermits) => sleep(MOMENT).await,
        Err(TryAcquireError::Closed) => return StatusCode::GONE,
    }
    if let Ok(permit) = Arc::clone(&shared.permits).acquire_owned().await {
        let sleeping = async move {
            sleep(MOMENT).await;
            drop(permit);
        };
        sleeping.await;
    }
    if let Ok(stock) = timeout(MOMENT, shared.stock.lock()).await {
        tokio::select! {
            () = sleep(Duration::from_millis(*stock)) => {}
            () = sleep(MOMENT) => {}
        }
    }
    while let Ok(permit) = shared.permits.acquire().await {
        sleep(MOMENT).await;
        if permit.num_permits() > 0 {
            permit.forget();
            break;
        }
    }
    StatusCode::OK
}

/// Returns a guard.
#[underscore_frame]
async fn guard_of_stock(shared: &Shared) -> Option<MutexGuard<'_, u64>> {
    let guard = shared.stock.lock().await;
    sleep(MOMENT).await;
    Some(guard)
}

/// Takes a guard from a helper.
#[underscore_route]
async fn helped(State(shared): State<Shared>) -> String {
    let mut sum = 0_u64;
    drop(guard_of_stock(&shared).await);
    for _ in 0_u8..2_u8 {
        let Some(mut guard) = guard_of_stock(&shared).await else {
            continue;
        };
        *guard = guard.saturating_add(1);
        sleep(MOMENT).await;
        sum = sum.saturating_add(*guard);
    }
    sum.to_string()
}

/// A router of all handlers.
#[inline]
pub fn router() -> Router {
    Router::new()
        .route("/holds", get(holds))
        .route("/tries", get(tries))
        .route("/helped", get(helped))
        .with_state(Shared {
            stock: Arc::new(Mutex::new(0)),
            config: Arc::new(RwLock::new(String::new())),
            permits: Arc::new(Semaphore::new(2)),
            shards: Arc::new([Mutex::new(0), Mutex::new(0)]),
        })
}

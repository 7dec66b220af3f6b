//! Guards that are moved, matched, selected and replaced.

use std::sync::{Arc, PoisonError};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::yield_now;
use underscore_runtime::underscore_frame;

use super::locks::Shared;

#[underscore_frame]
pub async fn deferred(lock: &Mutex<u8>, is_first: bool) -> u8 {
    let guard;
    if is_first {
        guard = lock.lock().await;
    } else {
        yield_now().await;
        guard = lock.lock().await;
    }
    yield_now().await;
    *guard
}

#[underscore_frame]
pub async fn moved_in_a_branch(lock: Arc<Mutex<u8>>) -> Option<OwnedMutexGuard<u8>> {
    let guard = lock.lock_owned().await;
    yield_now().await;
    let kept = if *guard > 1 {
        Some(guard)
    } else {
        drop(guard);
        None
    };
    yield_now().await;
    kept
}

#[underscore_frame]
pub async fn taken_again(lock: Arc<Mutex<u8>>) -> u8 {
    let mut guard = lock.clone().lock_owned().await;
    for round in 0..3 {
        yield_now().await;
        if round == 1 {
            drop(guard);
            guard = Arc::clone(&lock).lock_owned().await;
        }
    }
    *guard
}

#[underscore_frame]
pub async fn arms(shared: &Shared) -> u8 {
    match shared.permits[0].try_acquire() {
        Ok(permit) if permit.num_permits() > 9 => 1,
        Ok(permit) => {
            let number = permit.num_permits();
            yield_now().await;
            u8::try_from(number).unwrap_or_default()
        }
        Err(_) => match (shared.lock.lock().await, 1) {
            (guard, one) if one > 0 => {
                yield_now().await;
                *guard + one
            }
            _ => 0,
        },
    }
}

#[underscore_frame]
pub async fn conditional(shared: &Shared) -> u8 {
    #[cfg(any())]
    let guard = shared.words.write().await;
    #[cfg(not(any()))]
    let guard = shared.lock.lock().await;
    yield_now().await;
    #[cfg(any())]
    drop(guard);
    yield_now().await;
    match super::locks::GLOBAL.try_lock() {
        #[cfg(any())]
        Ok(guard) => guard.len(),
        Ok(global) => {
            yield_now().await;
            *global + *guard
        }
        Err(_) => *guard,
    }
}

#[underscore_frame]
pub async fn of_std(shared: &Shared) -> u8 {
    let number = {
        let guard = shared.std.lock().unwrap_or_else(PoisonError::into_inner);
        *guard
    };
    yield_now().await;
    number
}

#[underscore_frame]
pub async fn breaks(shared: &Shared) -> u8 {
    let guard = loop {
        match shared.lock.try_lock() {
            Ok(guard) => break guard,
            Err(_) => yield_now().await,
        }
    };
    let number = 'number: {
        let words = shared.words.read().await;
        if words.is_empty() {
            break 'number 1;
        }
        yield_now().await;
        words[0]
    };
    yield_now().await;
    *guard + number
}

#[underscore_frame]
pub async fn selected(shared: &Shared) -> u8 {
    let mut number = 0;
    loop {
        tokio::select! {
            biased;
            Ok(permit) = shared.permits[1].acquire(), if number < 2 => {
                yield_now().await;
                permit.forget();
                number += 2;
            }
            guard = shared.lock.lock() => {
                yield_now().await;
                if number > 0 {
                    drop(guard);
                    break;
                }
                number += *guard;
            }
            else => unreachable!(),
        }
    }
    number
}

#[underscore_frame]
pub async fn joined(shared: &Shared) -> u8 {
    let (lock, words) = tokio::join!(shared.lock.lock(), shared.words.read());
    let Ok((permit, ())) = tokio::try_join!(shared.permits[0].acquire(), async { Ok(()) }) else {
        return 0;
    };
    yield_now().await;
    drop(permit);
    *lock + u8::from(words.is_empty())
}

#[underscore_frame]
pub async fn references(shared: &Shared) -> u8 {
    let mut guard = shared.lock.lock().await;
    let borrowed = &mut guard;
    yield_now().await;
    **borrowed += 1;
    let number = &*guard;
    yield_now().await;
    *number
}

#[underscore_frame]
pub async fn exchanged(lock: Arc<Mutex<u8>>, other: Arc<Mutex<u8>>) -> u8 {
    let mut guard = lock.lock_owned().await;
    let mut second = other.lock_owned().await;
    std::mem::swap(&mut guard, &mut second);
    yield_now().await;
    drop(second);
    yield_now().await;
    *guard
}

#[underscore_frame]
pub async fn pinned_futures(shared: &Shared) -> u8 {
    let future = shared.lock.lock();
    tokio::pin!(future);
    let guard = (&mut future).await;
    yield_now().await;
    *guard
}

//! Lints that fire as without the attribute, and functions that macros write.

use tokio::sync::Mutex;
use tokio::task::yield_now;
use underscore_runtime::underscore_frame;

use super::locks::Shared;

macro_rules! last {
    ($lock:expr, $guard:ident) => {{
        let $guard = $lock.lock().await;
        yield_now().await;
        *$guard
    }};
}

/// A function that a macro writes, with a name of its own and one of its caller's.
macro_rules! function {
    ($name:ident, $guard:ident) => {
        #[underscore_frame]
        pub async fn $name(lock: &Mutex<u8>) -> u8 {
            let $guard = lock.lock().await;
            yield_now().await;
            let guard = *$guard;
            drop($guard);
            yield_now().await;
            guard
        }
    };
}

function!(written, guard);

#[underscore_frame]
pub async fn in_macros(lock: &Mutex<u8>) -> u8 {
    let number = last!(lock, guard);
    let text = format!("{}", lock.lock().await);
    let guard = lock.lock().await;
    yield_now().await;
    println!("{guard} {text} {number}");
    number
}

#[underscore_frame]
pub async fn unused(shared: &Shared) {
    #[expect(unused_variables)]
    let forgotten = shared.lock.lock().await;
    yield_now().await;
}

#[underscore_frame]
pub async fn unused_in_patterns(shared: &Shared) {
    #[expect(unused_variables)]
    if let Ok(permit) = shared.permits[0].acquire().await {
        yield_now().await;
    }
    #[expect(unused_variables)]
    match shared.permits[0].try_acquire() {
        Ok(permit) => yield_now().await,
        Err(_) => assert!(!shared.words.read().await.is_empty()),
    }
}

#[underscore_frame]
pub async fn needlessly_mutable(shared: &Shared) -> u8 {
    #[expect(unused_mut)]
    let mut guard = shared.lock.lock().await;
    yield_now().await;
    *guard
}

#[underscore_frame]
pub async fn overwritten(shared: &Shared) -> u8 {
    #[expect(unused_assignments)]
    let mut number = async { 1 }.await;
    yield_now().await;
    number = 2;
    yield_now().await;
    let lock = *shared.lock.lock().await;
    number + lock
}

#[underscore_frame]
pub async fn unreachable(shared: &Shared) -> u8 {
    let guard = shared.lock.lock().await;
    yield_now().await;
    return *guard;
    #[expect(unreachable_code)]
    drop(guard);
}

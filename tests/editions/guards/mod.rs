//! Functions that hold guards, in shapes in which a marker could be in the way: they compile, and
//! lints fire, as without the attribute.

#![deny(unused, unreachable_code, unfulfilled_lint_expectations)]
#![allow(unreachable_pub, reason = "the modules are private")]

mod lints;
mod locks;
mod shapes;
mod values;

use std::pin::Pin;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::yield_now;

use self::lints::{
    in_macros, needlessly_mutable, overwritten, unreachable, unused, unused_in_patterns, written,
};
use self::locks::Shared;
use self::shapes::{
    arms, breaks, conditional, deferred, exchanged, joined, moved_in_a_branch, of_std,
    pinned_futures, references, selected, taken_again,
};
use self::values::{
    annotated, arrays, called, coerced, generic, inferred_later, literals, never, not_sync,
    patterns, reborrowed, recursive, send_but_not_sync,
};

async fn make<T: Default>() -> T {
    yield_now().await;
    T::default()
}

async fn parse<T: FromStr>(text: &str) -> Result<T, T::Err> {
    yield_now().await;
    text.parse()
}

fn assert_send<T: Send>(_: &T) {}

/// Calls them all.
pub async fn run() -> u32 {
    let shared = Shared::new();
    let lock = Arc::new(Mutex::new(1));
    assert_send(&shared.receivers(1));
    assert_send(&send_but_not_sync());
    assert_send(&arms(&shared));
    assert_send(&shared.closures());
    assert_send(&selected(&shared));
    assert_send(&of_std(&shared));
    assert_send(&shared.first());
    let mut values = Vec::new();
    reborrowed(&mut values).await;
    unused(&shared).await;
    unused_in_patterns(&shared).await;
    let mut other = Shared::new();
    // Not in the array, in which the guards would live to its end.
    let is_empty = shared.guard_of_a_word().await.is_empty();
    let is_ok = shared.first().await.is_ok();
    let is_none = moved_in_a_branch(Arc::clone(&lock)).await.is_none();
    let sums = [
        u8::from(inferred_later().await == Ok(1)),
        literals().await,
        coerced().await.answer(),
        annotated().await,
        called().await,
        not_sync(Rc::default()).await,
        send_but_not_sync().await,
        patterns().await,
        deferred(&lock, true).await,
        deferred(&lock, false).await,
        generic(async { 1 }).await,
        arrays::<3>().await[2],
        recursive(3).await,
        taken_again(Arc::clone(&lock)).await,
        shared.receivers(1).await,
        other.mutable().await,
        Pin::new(&mut other).pinned().await,
        shared.closures().await,
        u8::from(is_empty),
        u8::from(is_ok),
        u8::from(is_none),
        never(true).await,
        never(false).await,
        arms(&shared).await,
        conditional(&shared).await,
        of_std(&shared).await,
        breaks(&shared).await,
        selected(&shared).await,
        joined(&shared).await,
        references(&shared).await,
        exchanged(Arc::clone(&lock), Arc::new(Mutex::new(2))).await,
        pinned_futures(&shared).await,
        written(&lock).await,
        in_macros(&lock).await,
        needlessly_mutable(&shared).await,
        overwritten(&shared).await,
        unreachable(&shared).await,
    ];
    u32::try_from(values.len()).unwrap_or_default() + sums.map(u32::from).iter().sum::<u32>()
}

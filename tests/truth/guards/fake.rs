//! Guards that count themselves. The runtime knows them by the names of their types.

use std::collections::BTreeMap;
use std::mem::forget;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use super::Lines;

/// A file and a line of it.
pub type Line = (&'static str, u32);

/// Where a guard is taken that no test looks for.
pub const ELSEWHERE: Line = ("", 0);

static LIVE: Mutex<BTreeMap<Line, usize>> = Mutex::new(BTreeMap::new());

fn count(line: Line, change: impl FnOnce(&mut usize)) {
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    change(live.entry(line).or_default());
}

/// The guards that live.
pub fn live() -> Lines {
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    let known = live.iter().filter(|(line, _)| **line != ELSEWHERE);
    known
        .map(|((file, line), count)| {
            let file = file.rsplit('/').next().unwrap_or(file);
            (format!("{file}:{line}"), *count)
        })
        .collect()
}

/// Forgets guards that were leaked.
pub fn forget_all() {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

macro_rules! guards {
    ($($name:ident)*) => {
        $(
            #[derive(Debug)]
            pub struct $name(Line, Vec<u8>);

            impl $name {
                fn new(line: Line) -> Self {
                    count(line, |live| *live += 1);
                    $name(line, vec![1])
                }
            }

            impl Drop for $name {
                fn drop(&mut self) {
                    count(self.0, |live| *live = live.saturating_sub(1));
                }
            }

            impl Deref for $name {
                type Target = Vec<u8>;

                fn deref(&self) -> &Vec<u8> {
                    &self.1
                }
            }

            impl DerefMut for $name {
                fn deref_mut(&mut self) -> &mut Vec<u8> {
                    &mut self.1
                }
            }
        )*
    };
}

guards! { MutexGuard SemaphorePermit RwLockWriteGuard }

/// No guard.
pub struct Other;

impl MutexGuard {
    pub async fn commit(self) -> Result<(), ()> {
        tick().await;
        Ok(())
    }

    pub fn forget(self) {}

    pub fn downgrade(self) -> Other {
        Other
    }

    pub async fn work(&mut self) {
        tick().await;
    }

    pub fn into_number(guard: Self) -> usize {
        guard.len()
    }
}

impl From<MutexGuard> for usize {
    fn from(guard: MutexGuard) -> usize {
        guard.len()
    }
}

impl SemaphorePermit {
    pub fn forget(self) {}

    pub async fn send(self, _: u8) {
        tick().await;
        drop(self);
        tick().await;
    }
}

impl RwLockWriteGuard {
    pub fn downgrade(self) -> Other {
        Other
    }

    pub async fn send(&mut self, _: u8) {
        tick().await;
    }

    pub async fn commit(&mut self) {
        tick().await;
    }
}

/// A value with a guard in it.
pub struct Keeper {
    pub guard: MutexGuard,
    pub n: u8,
}

impl Keeper {
    pub fn swap(&mut self, guard: &mut MutexGuard) {
        std::mem::swap(&mut self.guard, guard);
    }
}

pub struct Pool;

impl Pool {
    pub fn try_lock(&self, line: Line) -> Option<MutexGuard> {
        Some(take(line))
    }

    pub fn try_lock_if(&self, line: Line, is_free: bool) -> Option<MutexGuard> {
        is_free.then(|| take(line))
    }
}

/// Pending once.
pub struct Tick(bool);

impl Future for Tick {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

pub fn tick() -> Tick {
    Tick(false)
}

/// Polls `future` this number of times, each time in another poll.
pub async fn poll_some<F: Future + Unpin>(future: &mut F, count: usize) {
    for _ in 0..count {
        std::future::poll_fn(|cx| {
            assert!(Pin::new(&mut *future).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        tick().await;
    }
}

pub fn take(line: Line) -> MutexGuard {
    MutexGuard::new(line)
}

pub async fn lock(line: Line) -> MutexGuard {
    tick().await;
    take(line)
}

pub async fn permit(line: Line) -> SemaphorePermit {
    tick().await;
    SemaphorePermit::new(line)
}

pub async fn write(line: Line) -> RwLockWriteGuard {
    tick().await;
    RwLockWriteGuard::new(line)
}

pub async fn try_it(line: Line, is_ok: bool) -> Result<MutexGuard, u8> {
    tick().await;
    if is_ok { Ok(take(line)) } else { Err(1) }
}

pub async fn either_way(line: Line) -> Result<MutexGuard, MutexGuard> {
    tick().await;
    Err(take(line))
}

pub async fn keep(line: Line) -> Keeper {
    tick().await;
    Keeper {
        guard: take(line),
        n: 1,
    }
}

pub async fn consumes(guard: MutexGuard) -> usize {
    tick().await;
    let length = guard.len();
    drop(guard);
    tick().await;
    length
}

pub async fn returns(guard: MutexGuard) -> MutexGuard {
    tick().await;
    guard
}

pub async fn both(_: (), guard: MutexGuard) {
    tick().await;
    drop(guard);
    tick().await;
}

pub async fn uses(_: &mut MutexGuard) {
    tick().await;
}

pub async fn waits(_: &MutexGuard) -> bool {
    tick().await;
    true
}

pub async fn waits_twice() {
    tick().await;
    tick().await;
}

pub async fn tick_and<T>(value: &Option<T>) -> Option<&T> {
    tick().await;
    value.as_ref()
}

pub fn consume<T>(value: T) {
    drop(std::hint::black_box(value));
}

pub fn yes() -> bool {
    std::hint::black_box(true)
}

//! Functions that hold guards, in shapes in which a marker could be in the way: they compile, and
//! lints fire, as without the attribute.

#![deny(unused, unreachable_code, unfulfilled_lint_expectations)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard, RwLock, RwLockReadGuard, Semaphore};
use tokio::task::yield_now;
use tokio::time::timeout;
use underscore_runtime::{underscore_frame, underscore_frame as framed};

static GLOBAL: Mutex<u8> = Mutex::const_new(0);
static LAZY: LazyLock<Mutex<Vec<u8>>> = LazyLock::new(Mutex::default);

async fn make<T: Default>() -> T {
    yield_now().await;
    T::default()
}

async fn parse<T: FromStr>(text: &str) -> Result<T, T::Err> {
    yield_now().await;
    text.parse()
}

trait Answer {
    fn answer(&self) -> u8 {
        1
    }
}

impl Answer for u8 {}

#[underscore_frame]
async fn inferred_later() -> Result<u16, std::num::ParseIntError> {
    let number = parse("1").await?;
    let made = make().await;
    yield_now().await;
    let _: &String = &made;
    Ok(number)
}

#[underscore_frame]
async fn literals() -> u8 {
    let integer = async { 1 }.await;
    let float = async { 1.5 }.await;
    yield_now().await;
    let one: u8 = integer;
    one + u8::from(float > 1.0)
}

fn push(values: &mut Vec<u8>) {
    values.push(1);
}

#[underscore_frame]
async fn reborrowed(values: &mut Vec<u8>) {
    let again = async { values }.await;
    push(again);
    yield_now().await;
    push(again);
    again.push(2);
    push(again);
}

#[underscore_frame]
async fn coerced() -> Box<dyn Answer + Send> {
    let answer = async { Box::new(1_u8) }.await;
    yield_now().await;
    answer
}

#[underscore_frame]
async fn annotated() -> u8 {
    let answer: Box<dyn Answer + Send> = { async { Box::new(1_u8) }.await };
    yield_now().await;
    answer.answer()
}

#[underscore_frame]
async fn called() -> u8 {
    let add = async { |number: u8| number + 1 }.await;
    let once = async {
        let values = vec![1_u8];
        move || values
    }
    .await;
    yield_now().await;
    add(1) + add(2) + once()[0]
}

#[underscore_frame]
async fn not_sync(cell: Rc<RefCell<u8>>) -> u8 {
    let own = async { Cell::new(1_u8) }.await;
    let shared = async { Rc::clone(&cell) }.await;
    let held = cell.try_borrow();
    yield_now().await;
    own.get() + *shared.borrow() + u8::from(held.is_ok())
}

#[underscore_frame]
async fn send_but_not_sync() -> u8 {
    let own = async { Cell::new(1_u8) }.await;
    yield_now().await;
    own.get()
}

#[underscore_frame]
async fn patterns() -> u8 {
    let (ref text, mut number, [first, ..]) = async { (String::new(), 1_u8, [1_u8, 2]) }.await;
    let whole @ (left, _) = async { (1_u8, 2_u8) }.await;
    let Some((inner, _)) = async { Some((1_u8, "x".to_owned())) }.await else {
        return 0;
    };
    let None::<u8> = async { None }.await else {
        return 1;
    };
    let (Ok(either) | Err(either)) = async { Ok::<u8, u8>(1) }.await;
    yield_now().await;
    number += 1;
    let length = u8::try_from(text.len()).unwrap_or_default();
    length + number + first + left + inner + whole.1 + either
}

#[underscore_frame]
async fn deferred(lock: &Mutex<u8>, is_first: bool) -> u8 {
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
async fn generic<T, F: Future<Output = T>>(future: F) -> T {
    let value = future.await;
    yield_now().await;
    value
}

#[underscore_frame]
async fn arrays<const N: usize>() -> [u8; N] {
    let all = async { [0_u8; N] }.await;
    yield_now().await;
    all
}

#[underscore_frame]
async fn recursive(number: u8) -> u8 {
    if number == 0 {
        return 0;
    }
    let inner = Box::pin(recursive(number - 1)).await;
    yield_now().await;
    inner + 1
}

#[underscore_frame]
async fn moved_in_a_branch(lock: Arc<Mutex<u8>>) -> Option<OwnedMutexGuard<u8>> {
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
async fn taken_again(lock: Arc<Mutex<u8>>) -> u8 {
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

#[derive(Clone, Copy)]
struct Own;

/// Methods with the names of locks'.
impl Own {
    async fn lock(self) -> u8 {
        yield_now().await;
        1
    }

    async fn read(&mut self) -> u8 {
        yield_now().await;
        1
    }

    async fn acquire(self: Box<Self>) -> u8 {
        yield_now().await;
        1
    }

    async fn write(&self, number: u8) -> u8 {
        yield_now().await;
        number
    }
}

struct Shared {
    lock: Mutex<u8>,
    words: Arc<RwLock<Vec<u8>>>,
    permits: [Semaphore; 2],
    by_name: HashMap<&'static str, Mutex<u8>>,
    own: Own,
    std: std::sync::Mutex<u8>,
}

impl Shared {
    fn new() -> Self {
        Shared {
            lock: Mutex::new(1),
            words: Arc::default(),
            permits: [Semaphore::new(2), Semaphore::new(1)],
            by_name: HashMap::from([("k", Mutex::new(1))]),
            own: Own,
            std: std::sync::Mutex::new(1),
        }
    }

    #[underscore_frame]
    async fn receivers(&self, index: usize) -> u8 {
        let lock = self.lock.lock().await;
        let words = (*self).words.read().await;
        let permit = self.permits[index].acquire().await.is_ok();
        let named = self.by_name["k"].lock().await;
        let global = GLOBAL.lock().await;
        let lazy = LAZY.lock().await;
        let mine = self.own.lock().await;
        let mut own = self.own;
        let read = own.read().await;
        let boxed = Box::new(self.own);
        let acquired = boxed.acquire().await;
        let written = {
            let words = Arc::clone(&self.words);
            words.read_owned().await.len()
        };
        let sum = self.own.write(1).await;
        yield_now().await;
        let lengths = words.len() + lazy.len() + written;
        *lock
            + *named
            + *global
            + mine
            + read
            + acquired
            + sum
            + u8::from(permit)
            + u8::from(lengths > 9)
    }

    #[underscore_frame]
    async fn pinned(self: Pin<&mut Self>) -> u8 {
        let lock = self.lock.lock().await;
        yield_now().await;
        *lock
    }

    #[underscore_frame]
    async fn mutable(&mut self) -> u8 {
        let lock = self.lock.lock().await;
        let own = &mut self.own;
        let read = own.read().await;
        let again = async { own.read().await }.await;
        let mut captured = async || own.read().await;
        let twice = captured().await;
        yield_now().await;
        *lock + read + again + twice
    }

    #[underscore_frame]
    async fn closures(&self) -> u8 {
        let add = async |number: u8| {
            let lock = self.lock.lock().await;
            yield_now().await;
            *lock + number
        };
        let later = async move {
            let words = self.words.read().await;
            yield_now().await;
            u8::try_from(words.len()).unwrap_or_default()
        };
        add(1).await + later.await
    }

    #[framed]
    async fn guard_of_a_word(&self) -> RwLockReadGuard<'_, Vec<u8>> {
        let words = self.words.read().await;
        yield_now().await;
        words
    }

    #[framed]
    async fn first(&self) -> Result<MutexGuard<'_, u8>, tokio::time::error::Elapsed> {
        if self.permits[0].available_permits() == 0 {
            return Ok(self.lock.lock().await);
        }
        timeout(Duration::from_secs(1), self.lock.lock()).await
    }
}

#[underscore_frame]
async fn never(is_over: bool) -> u8 {
    let number: u8 = if is_over {
        return 1;
    } else {
        async { 2 }.await
    };
    yield_now().await;
    number
}

#[underscore_frame]
async fn arms(shared: &Shared) -> u8 {
    match shared.permits[0].try_acquire() {
        Ok(permit) if permit.num_permits() > 9 => 1,
        Ok(permit) => {
            let number = permit.num_permits();
            yield_now().await;
            u8::try_from(number).unwrap_or_default()
        }
        Err(_) => match shared.lock.lock().await {
            guard => {
                yield_now().await;
                *guard
            }
        },
    }
}

#[underscore_frame]
async fn conditional(shared: &Shared) -> u8 {
    #[cfg(any())]
    let guard = shared.words.write().await;
    #[cfg(not(any()))]
    let guard = shared.lock.lock().await;
    yield_now().await;
    #[cfg(any())]
    drop(guard);
    yield_now().await;
    match GLOBAL.try_lock() {
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
async fn of_std(shared: &Shared) -> u8 {
    let number = {
        let guard = shared.std.lock().unwrap_or_else(|error| error.into_inner());
        *guard
    };
    yield_now().await;
    number
}

#[underscore_frame]
async fn breaks(shared: &Shared) -> u8 {
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
async fn selected(shared: &Shared) -> u8 {
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
async fn joined(shared: &Shared) -> u8 {
    let (lock, words) = tokio::join!(shared.lock.lock(), shared.words.read());
    let Ok((permit, ())) = tokio::try_join!(shared.permits[0].acquire(), async { Ok(()) }) else {
        return 0;
    };
    yield_now().await;
    drop(permit);
    *lock + u8::from(words.is_empty())
}

#[underscore_frame]
async fn references(shared: &Shared) -> u8 {
    let mut guard = shared.lock.lock().await;
    let borrowed = &mut guard;
    yield_now().await;
    **borrowed += 1;
    let number = &*guard;
    yield_now().await;
    *number
}

#[underscore_frame]
async fn exchanged(lock: Arc<Mutex<u8>>, other: Arc<Mutex<u8>>) -> u8 {
    let mut guard = lock.lock_owned().await;
    let mut second = other.lock_owned().await;
    std::mem::swap(&mut guard, &mut second);
    yield_now().await;
    drop(second);
    yield_now().await;
    *guard
}

#[underscore_frame]
async fn pinned_futures(shared: &Shared) -> u8 {
    let future = shared.lock.lock();
    tokio::pin!(future);
    let guard = (&mut future).await;
    yield_now().await;
    *guard
}

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
        async fn $name(lock: &Mutex<u8>) -> u8 {
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
async fn in_macros(lock: &Mutex<u8>) -> u8 {
    let number = last!(lock, guard);
    let text = format!("{}", lock.lock().await);
    let guard = lock.lock().await;
    yield_now().await;
    println!("{guard} {text} {number}");
    number
}

#[underscore_frame]
async fn unused(shared: &Shared) {
    #[expect(unused_variables)]
    let forgotten = shared.lock.lock().await;
    yield_now().await;
}

#[underscore_frame]
async fn unused_in_patterns(shared: &Shared) {
    #[expect(unused_variables)]
    if let Ok(permit) = shared.permits[0].acquire().await {
        yield_now().await;
    }
    #[expect(unused_variables)]
    match shared.permits[0].try_acquire() {
        Ok(permit) => yield_now().await,
        Err(_) => {}
    }
}

#[underscore_frame]
async fn needlessly_mutable(shared: &Shared) -> u8 {
    #[expect(unused_mut)]
    let mut guard = shared.lock.lock().await;
    yield_now().await;
    *guard
}

#[underscore_frame]
async fn overwritten(shared: &Shared) -> u8 {
    #[expect(unused_assignments, unused_variables)]
    let mut number = async { 1 }.await;
    number = 2;
    yield_now().await;
    number + *shared.lock.lock().await
}

#[underscore_frame]
async fn unreachable(shared: &Shared) -> u8 {
    let guard = shared.lock.lock().await;
    yield_now().await;
    return *guard;
    #[expect(unreachable_code)]
    drop(guard);
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
        u8::from(moved_in_a_branch(Arc::clone(&lock)).await.is_none()),
        taken_again(Arc::clone(&lock)).await,
        shared.receivers(1).await,
        other.mutable().await,
        Pin::new(&mut other).pinned().await,
        shared.closures().await,
        u8::from(shared.guard_of_a_word().await.is_empty()),
        u8::from(shared.first().await.is_ok()),
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
        needlessly_mutable(&shared).await,
        overwritten(&shared).await,
        unreachable(&shared).await,
    ];
    u32::try_from(values.len()).unwrap_or_default() + sums.map(u32::from).iter().sum::<u32>()
}

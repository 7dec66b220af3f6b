//! Locks behind all kinds of receivers, and methods with their names.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, Semaphore};
use tokio::task::yield_now;
use tokio::time::timeout;
use underscore_runtime::{underscore_frame, underscore_frame as framed};

pub static GLOBAL: Mutex<u8> = Mutex::const_new(0);
static LAZY: LazyLock<Mutex<Vec<u8>>> = LazyLock::new(Mutex::default);

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

pub struct Shared {
    pub lock: Mutex<u8>,
    pub words: Arc<RwLock<Vec<u8>>>,
    pub permits: [Semaphore; 2],
    by_name: HashMap<&'static str, Mutex<u8>>,
    own: Own,
    pub std: std::sync::Mutex<u8>,
}

impl Shared {
    pub fn new() -> Self {
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
    pub async fn receivers(&self, index: usize) -> u8 {
        let lock = self.lock.lock().await;
        let words = (*self.words).read().await;
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
    pub async fn pinned(self: Pin<&mut Self>) -> u8 {
        let lock = self.lock.lock().await;
        yield_now().await;
        *lock
    }

    #[underscore_frame]
    pub async fn mutable(&mut self) -> u8 {
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
    pub async fn closures(&self) -> u8 {
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
    pub async fn guard_of_a_word(&self) -> RwLockReadGuard<'_, Vec<u8>> {
        let words = self.words.read().await;
        yield_now().await;
        words
    }

    #[framed]
    pub async fn first(&self) -> Result<MutexGuard<'_, u8>, tokio::time::error::Elapsed> {
        if self.permits[0].available_permits() == 0 {
            return Ok(self.lock.lock().await);
        }
        timeout(Duration::from_secs(1), self.lock.lock()).await
    }
}

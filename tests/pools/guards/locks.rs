//! The guards of locks and semaphores, each held over an await.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync;
use underscore_runtime::{track, underscore_frame};

use crate::held::{admin, assert_holding, holding, stay, wait_for_row};
use crate::support::process::own_process;

mod of_tokio {
    use tokio::sync::{
        Mutex, MutexGuard, OwnedMutexGuard, OwnedRwLockWriteGuard, RwLock, RwLockWriteGuard,
        Semaphore, mpsc,
    };

    use super::*;

    #[underscore_frame]
    pub async fn mutex(lock: &Mutex<[u8; 2]>) {
        let guard = lock.lock().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn mutex_at_once(lock: &Mutex<[u8; 2]>) {
        let guard = lock.try_lock().expect("free");
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn mutex_owned(lock: Arc<Mutex<[u8; 2]>>) {
        let guard = lock.clone().lock_owned().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn mutex_mapped(lock: &Mutex<[u8; 2]>) {
        let guard = MutexGuard::map(lock.lock().await, |whole| &mut whole[0]);
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn mutex_owned_mapped(lock: Arc<Mutex<[u8; 2]>>) {
        let guard = OwnedMutexGuard::map(lock.lock_owned().await, |whole| &mut whole[0]);
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn read(lock: &RwLock<[u8; 2]>) {
        let guard = lock.read().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn read_owned(lock: Arc<RwLock<[u8; 2]>>) {
        let guard = lock.read_owned().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn write(lock: &RwLock<[u8; 2]>) {
        let guard = lock.write().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn write_owned(lock: Arc<RwLock<[u8; 2]>>) {
        let guard = lock.write_owned().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn write_mapped(lock: &RwLock<[u8; 2]>) {
        let guard = RwLockWriteGuard::map(lock.write().await, |whole| &mut whole[0]);
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn write_owned_mapped(lock: Arc<RwLock<[u8; 2]>>) {
        let guard = OwnedRwLockWriteGuard::map(lock.write_owned().await, |whole| &mut whole[0]);
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn semaphore(permits: &Semaphore) {
        let permit = permits.acquire().await.expect("open");
        stay().await;
        drop(permit);
    }

    #[underscore_frame]
    pub async fn semaphore_owned(permits: Arc<Semaphore>) {
        let permit = permits.clone().acquire_owned().await.expect("open");
        stay().await;
        drop(permit);
    }

    #[underscore_frame]
    pub async fn semaphore_many(permits: &Semaphore) {
        let permit = permits.acquire_many(2).await.expect("open");
        stay().await;
        drop(permit);
    }

    #[underscore_frame]
    pub async fn channel(jobs: &mpsc::Sender<u8>) {
        let permit = jobs.reserve().await.expect("open");
        stay().await;
        drop(permit);
    }

    #[underscore_frame]
    pub async fn channel_owned(jobs: mpsc::Sender<u8>) {
        let permit = jobs.reserve_owned().await.expect("open");
        stay().await;
        drop(permit);
    }
}

#[tokio::test]
async fn of_tokio_are_held() {
    let mutex = Arc::new(sync::Mutex::new([0; 2]));
    let lock = Arc::new(sync::RwLock::new([0; 2]));
    let permits = Arc::new(sync::Semaphore::new(2));
    let (jobs, _workers) = sync::mpsc::channel(1);
    assert_holding! {
        of_tokio::mutex(&mutex) => "lock.lock()";
        of_tokio::mutex_at_once(&mutex) => "lock.try_lock()";
        of_tokio::mutex_owned(mutex.clone()) => "lock.clone().lock_owned()";
        of_tokio::mutex_mapped(&mutex) => "MutexGuard::map(lock.lock().await, |whole| &mut whole[0])";
        of_tokio::mutex_owned_mapped(mutex.clone()) =>
            "OwnedMutexGuard::map(lock.lock_owned().await, |whole| &mut whole[0])";
        of_tokio::read(&lock) => "lock.read()";
        of_tokio::read_owned(lock.clone()) => "lock.read_owned()";
        of_tokio::write(&lock) => "lock.write()";
        of_tokio::write_owned(lock.clone()) => "lock.write_owned()";
        of_tokio::write_mapped(&lock) =>
            "RwLockWriteGuard::map(lock.write().await, |whole| &mut whole[0])";
        of_tokio::write_owned_mapped(lock.clone()) =>
            "OwnedRwLockWriteGuard::map(lock.write_owned().await, |whole| &mut whole[0])";
        of_tokio::semaphore(&permits) => "permits.acquire()";
        of_tokio::semaphore_owned(permits.clone()) => "permits.clone().acquire_owned()";
        of_tokio::semaphore_many(&permits) => "permits.acquire_many(2)";
        of_tokio::channel(&jobs) => "jobs.reserve()";
        of_tokio::channel_owned(jobs.clone()) => "jobs.reserve_owned()";
    }
}

mod of_async_lock {
    use async_lock::{Mutex, RwLock, Semaphore};

    use super::*;

    #[underscore_frame]
    pub async fn mutex(lock: &Mutex<u8>) {
        let guard = lock.lock().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn mutex_arc(lock: Arc<Mutex<u8>>) {
        let guard = lock.lock_arc().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn read(lock: &RwLock<u8>) {
        let guard = lock.read().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn read_arc(lock: Arc<RwLock<u8>>) {
        let guard = lock.read_arc().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn upgradable(lock: &RwLock<u8>) {
        let guard = lock.upgradable_read().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn write(lock: &RwLock<u8>) {
        let guard = lock.write().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn write_arc(lock: Arc<RwLock<u8>>) {
        let guard = lock.write_arc().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn semaphore(permits: &Semaphore) {
        let permit = permits.acquire().await;
        stay().await;
        drop(permit);
    }

    #[underscore_frame]
    pub async fn semaphore_arc(permits: Arc<Semaphore>) {
        let permit = permits.acquire_arc().await;
        stay().await;
        drop(permit);
    }
}

#[tokio::test]
async fn of_async_lock_are_held() {
    let mutex = Arc::new(async_lock::Mutex::new(0));
    let lock = Arc::new(async_lock::RwLock::new(0));
    let permits = Arc::new(async_lock::Semaphore::new(1));
    assert_holding! {
        of_async_lock::mutex(&mutex) => "lock.lock()";
        of_async_lock::mutex_arc(mutex.clone()) => "lock.lock_arc()";
        of_async_lock::read(&lock) => "lock.read()";
        of_async_lock::read_arc(lock.clone()) => "lock.read_arc()";
        of_async_lock::upgradable(&lock) => "lock.upgradable_read()";
        of_async_lock::write(&lock) => "lock.write()";
        of_async_lock::write_arc(lock.clone()) => "lock.write_arc()";
        of_async_lock::semaphore(&permits) => "permits.acquire()";
        of_async_lock::semaphore_arc(permits.clone()) => "permits.acquire_arc()";
    }
}

mod of_futures {
    use futures_util::lock::{Mutex, MutexGuard};

    use super::*;

    #[underscore_frame]
    pub async fn mutex(lock: &Mutex<[u8; 2]>) {
        let guard = lock.lock().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn mutex_owned(lock: Arc<Mutex<[u8; 2]>>) {
        let guard = lock.lock_owned().await;
        stay().await;
        drop(guard);
    }

    #[underscore_frame]
    pub async fn mutex_mapped(lock: &Mutex<[u8; 2]>) {
        let guard = MutexGuard::map(lock.lock().await, |whole| &mut whole[0]);
        stay().await;
        drop(guard);
    }
}

#[tokio::test]
async fn of_futures_are_held() {
    let lock = Arc::new(futures_util::lock::Mutex::new([0; 2]));
    assert_holding! {
        of_futures::mutex(&lock) => "lock.lock()";
        of_futures::mutex_owned(lock.clone()) => "lock.lock_owned()";
        of_futures::mutex_mapped(&lock) =>
            "MutexGuard::map(lock.lock().await, |whole| &mut whole[0])";
    }
}

/// `holder` takes what `waiter` waits for: a resource of the type `of`.
async fn assert_waits<F: Future>(holder: F, waiter: F, of: &str, known_by: &str) {
    let service = admin().await;
    let name = |role: &str| format!("{role} of {of}");
    let holder = track(name("holder"), holder);
    let waiter = track(name("waiter"), waiter);
    let look = async {
        let is_waiting = |task: &Value| task["where"].is_string();
        let held = service.wait_for_task(&name("holder"), is_waiting).await;
        let waiting = service.wait_for_task(&name("waiter"), is_waiting).await;
        let row = wait_for_row(&service, &waiting["where"], |_| true).await;
        assert_eq!(
            (&row["type"], &row["known_by"]),
            (&of.into(), &known_by.into())
        );
        assert_eq!(row["holders"], held["id"].to_string(), "{row:#}");
        let verdict = row["verdict"].as_str().expect("a verdict");
        let goes_on = format!("{} holds it and is at ", held["id"]);
        assert!(verdict.starts_with(&goes_on), "{row:#}");
    };
    tokio::select! {
        biased;
        _ = holder => unreachable!("it stays"),
        _ = waiter => unreachable!("it waits"),
        () = look => {}
    }
}

#[tokio::test]
async fn a_lock_that_others_wait_for_is_known_by_its_address() {
    own_process!();
    let lock = sync::Mutex::new([0; 2]);
    let (one, other) = (of_tokio::mutex(&lock), of_tokio::mutex(&lock));
    assert_waits(one, other, "tokio Mutex<[u8; 2]>", "address").await;
    let lock = sync::RwLock::new([0; 2]);
    let (one, other) = (of_tokio::write(&lock), of_tokio::write(&lock));
    assert_waits(one, other, "tokio RwLock<[u8; 2]>", "address").await;
    let permits = sync::Semaphore::new(1);
    let (one, other) = (of_tokio::semaphore(&permits), of_tokio::semaphore(&permits));
    assert_waits(one, other, "tokio Semaphore", "address").await;
}

#[tokio::test]
async fn a_lock_of_another_crate_is_known_by_its_name() {
    own_process!();
    let lock = async_lock::Mutex::new(0);
    let (one, other) = (of_async_lock::mutex(&lock), of_async_lock::mutex(&lock));
    assert_waits(one, other, "async_lock Mutex<u8>", "name").await;
    let lock = async_lock::RwLock::new(0);
    let (one, other) = (of_async_lock::write(&lock), of_async_lock::write(&lock));
    assert_waits(one, other, "async_lock RwLock<u8>", "name").await;
    let permits = async_lock::Semaphore::new(1);
    let (one, other) = (
        of_async_lock::semaphore(&permits),
        of_async_lock::semaphore(&permits),
    );
    assert_waits(one, other, "async_lock Semaphore", "name").await;
    let lock = futures_util::lock::Mutex::new([0; 2]);
    let (one, other) = (of_futures::mutex(&lock), of_futures::mutex(&lock));
    assert_waits(one, other, "futures_util Mutex<[u8; 2]>", "name").await;
    let (jobs, _workers) = sync::mpsc::channel(1);
    let (one, other) = (of_tokio::channel(&jobs), of_tokio::channel(&jobs));
    assert_waits(one, other, "tokio mpsc channel<u8>", "name").await;
}

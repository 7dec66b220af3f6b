//! Guards of locks that block threads. They are held over an await of a thread's own tasks, or of
//! any with the feature `send_guard` of `parking_lot`.

#![expect(clippy::await_holding_lock, reason = "this is what is seen here")]

use std::sync::{Arc, Mutex, RwLock};

use parking_lot::{MutexGuard, ReentrantMutex, RwLockReadGuard, RwLockWriteGuard};
use underscore_runtime::underscore_frame;

use crate::held::{assert_holding, holding, stay};

#[underscore_frame]
async fn std_mutex(lock: &Mutex<[u8; 2]>) {
    let guard = lock.lock().expect("whole");
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn std_read(lock: &RwLock<[u8; 2]>) {
    let guard = lock.read().expect("whole");
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn std_write(lock: &RwLock<[u8; 2]>) {
    let guard = lock.write().expect("whole");
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn parking_lot_mutex(lock: &parking_lot::Mutex<[u8; 2]>) {
    let guard = lock.lock();
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn parking_lot_mutex_mapped(lock: &parking_lot::Mutex<[u8; 2]>) {
    let guard = MutexGuard::map(lock.lock(), |whole| &mut whole[0]);
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn parking_lot_mutex_arc(lock: Arc<parking_lot::Mutex<[u8; 2]>>) {
    let guard = lock.lock_arc();
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn parking_lot_reentrant(lock: &ReentrantMutex<[u8; 2]>) {
    let guard = lock.lock();
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn parking_lot_read(lock: &parking_lot::RwLock<[u8; 2]>) {
    let guard = lock.read();
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn parking_lot_read_mapped(lock: &parking_lot::RwLock<[u8; 2]>) {
    let guard = RwLockReadGuard::map(lock.read(), |whole| &whole[0]);
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn parking_lot_read_arc(lock: Arc<parking_lot::RwLock<[u8; 2]>>) {
    let guard = lock.read_arc();
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn parking_lot_upgradable(lock: &parking_lot::RwLock<[u8; 2]>) {
    let guard = lock.upgradable_read();
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn parking_lot_write(lock: &parking_lot::RwLock<[u8; 2]>) {
    let guard = lock.write();
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn parking_lot_write_mapped(lock: &parking_lot::RwLock<[u8; 2]>) {
    let guard = RwLockWriteGuard::map(lock.write(), |whole| &mut whole[0]);
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn parking_lot_write_arc(lock: Arc<parking_lot::RwLock<[u8; 2]>>) {
    let guard = lock.write_arc();
    stay().await;
    drop(guard);
}

#[underscore_frame]
async fn dashmap_get(map: &dashmap::DashMap<u8, u8>) {
    let entry = map.get(&0).expect("it is there");
    stay().await;
    drop(entry);
}

#[underscore_frame]
async fn dashmap_get_mut(map: &dashmap::DashMap<u8, u8>) {
    let entry = map.get_mut(&0).expect("it is there");
    stay().await;
    drop(entry);
}

#[tokio::test]
async fn of_std_and_parking_lot_are_held() {
    let mutex = Arc::new(parking_lot::Mutex::new([0; 2]));
    let lock = Arc::new(parking_lot::RwLock::new([0; 2]));
    assert_holding! {
        std_mutex(&Mutex::new([0; 2])) => "lock.lock()";
        std_read(&RwLock::new([0; 2])) => "lock.read()";
        std_write(&RwLock::new([0; 2])) => "lock.write()";
        parking_lot_mutex(&mutex) => "lock.lock()";
        parking_lot_mutex_mapped(&mutex) =>
            "MutexGuard::map(lock.lock(), |whole| &mut whole[0])";
        parking_lot_mutex_arc(mutex.clone()) => "lock.lock_arc()";
        parking_lot_reentrant(&ReentrantMutex::new([0; 2])) => "lock.lock()";
        parking_lot_read(&lock) => "lock.read()";
        parking_lot_read_mapped(&lock) =>
            "RwLockReadGuard::map(lock.read(), |whole| &whole[0])";
        parking_lot_read_arc(lock.clone()) => "lock.read_arc()";
        parking_lot_upgradable(&lock) => "lock.upgradable_read()";
        parking_lot_write(&lock) => "lock.write()";
        parking_lot_write_mapped(&lock) =>
            "RwLockWriteGuard::map(lock.write(), |whole| &mut whole[0])";
        parking_lot_write_arc(lock.clone()) => "lock.write_arc()";
    }
}

/// `get` is a method of too many types.
#[tokio::test]
async fn of_dashmap_are_not_seen() {
    let map = dashmap::DashMap::from_iter([(0, 0)]);
    assert!(holding(dashmap_get(&map)).await.is_empty());
    assert!(holding(dashmap_get_mut(&map)).await.is_empty());
}

//! The names of the types by which guards are recognized. A crate that moves a type to another
//! module changes its name, which nothing else would notice.

use std::any::type_name;

/// The path of a type's name, without its arguments.
fn path<T>() -> &'static str {
    let name = type_name::<T>();
    name.split_once('<').map_or(name, |(path, _)| path)
}

macro_rules! assert_paths {
    ($($guard:ty: $path:literal;)*) => {
        $(assert_eq!(path::<$guard>(), $path);)*
    };
}

#[test]
fn of_tokio() {
    use tokio::sync::*;
    assert_paths! {
        MutexGuard<'_, u8>: "tokio::sync::mutex::MutexGuard";
        OwnedMutexGuard<u8>: "tokio::sync::mutex::OwnedMutexGuard";
        MappedMutexGuard<'_, u8>: "tokio::sync::mutex::MappedMutexGuard";
        OwnedMappedMutexGuard<u8, u8>: "tokio::sync::mutex::OwnedMappedMutexGuard";
        RwLockReadGuard<'_, u8>: "tokio::sync::rwlock::read_guard::RwLockReadGuard";
        OwnedRwLockReadGuard<u8>: "tokio::sync::rwlock::owned_read_guard::OwnedRwLockReadGuard";
        RwLockWriteGuard<'_, u8>: "tokio::sync::rwlock::write_guard::RwLockWriteGuard";
        OwnedRwLockWriteGuard<u8>: "tokio::sync::rwlock::owned_write_guard::OwnedRwLockWriteGuard";
        RwLockMappedWriteGuard<'_, u8>:
            "tokio::sync::rwlock::write_guard_mapped::RwLockMappedWriteGuard";
        OwnedRwLockMappedWriteGuard<u8>:
            "tokio::sync::rwlock::owned_write_guard_mapped::OwnedRwLockMappedWriteGuard";
        SemaphorePermit<'_>: "tokio::sync::semaphore::SemaphorePermit";
        OwnedSemaphorePermit: "tokio::sync::semaphore::OwnedSemaphorePermit";
        mpsc::Permit<'_, u8>: "tokio::sync::mpsc::bounded::Permit";
        mpsc::OwnedPermit<u8>: "tokio::sync::mpsc::bounded::OwnedPermit";
    }
}

#[test]
fn of_std() {
    use std::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};
    assert_paths! {
        MutexGuard<'_, u8>: "std::sync::poison::mutex::MutexGuard";
        RwLockReadGuard<'_, u8>: "std::sync::poison::rwlock::RwLockReadGuard";
        RwLockWriteGuard<'_, u8>: "std::sync::poison::rwlock::RwLockWriteGuard";
    }
}

#[test]
fn of_parking_lot() {
    use parking_lot::*;
    assert_paths! {
        MutexGuard<'_, u8>: "lock_api::mutex::MutexGuard";
        MappedMutexGuard<'_, u8>: "lock_api::mutex::MappedMutexGuard";
        ArcMutexGuard<RawMutex, u8>: "lock_api::mutex::ArcMutexGuard";
        ArcReentrantMutexGuard<RawMutex, RawThreadId, u8>:
            "lock_api::remutex::ArcReentrantMutexGuard";
        ReentrantMutexGuard<'_, u8>: "lock_api::remutex::ReentrantMutexGuard";
        RwLockReadGuard<'_, u8>: "lock_api::rwlock::RwLockReadGuard";
        MappedRwLockReadGuard<'_, u8>: "lock_api::rwlock::MappedRwLockReadGuard";
        ArcRwLockReadGuard<RawRwLock, u8>: "lock_api::rwlock::ArcRwLockReadGuard";
        RwLockUpgradableReadGuard<'_, u8>: "lock_api::rwlock::RwLockUpgradableReadGuard";
        ArcRwLockUpgradableReadGuard<RawRwLock, u8>:
            "lock_api::rwlock::ArcRwLockUpgradableReadGuard";
        RwLockWriteGuard<'_, u8>: "lock_api::rwlock::RwLockWriteGuard";
        MappedRwLockWriteGuard<'_, u8>: "lock_api::rwlock::MappedRwLockWriteGuard";
        ArcRwLockWriteGuard<RawRwLock, u8>: "lock_api::rwlock::ArcRwLockWriteGuard";
    }
}

#[test]
fn of_async_lock() {
    use async_lock::*;
    assert_paths! {
        MutexGuard<'_, u8>: "async_lock::mutex::MutexGuard";
        MutexGuardArc<u8>: "async_lock::mutex::MutexGuardArc";
        RwLockReadGuard<'_, u8>: "async_lock::rwlock::RwLockReadGuard";
        RwLockReadGuardArc<u8>: "async_lock::rwlock::RwLockReadGuardArc";
        RwLockUpgradableReadGuard<'_, u8>: "async_lock::rwlock::RwLockUpgradableReadGuard";
        RwLockUpgradableReadGuardArc<u8>: "async_lock::rwlock::RwLockUpgradableReadGuardArc";
        RwLockWriteGuard<'_, u8>: "async_lock::rwlock::RwLockWriteGuard";
        RwLockWriteGuardArc<u8>: "async_lock::rwlock::RwLockWriteGuardArc";
        SemaphoreGuard<'_>: "async_lock::semaphore::SemaphoreGuard";
        SemaphoreGuardArc: "async_lock::semaphore::SemaphoreGuardArc";
    }
}

#[test]
fn of_futures() {
    use futures_util::lock::*;
    assert_paths! {
        MutexGuard<'_, u8>: "futures_util::lock::mutex::MutexGuard";
        OwnedMutexGuard<u8>: "futures_util::lock::mutex::OwnedMutexGuard";
        MappedMutexGuard<'_, u8, u8>: "futures_util::lock::mutex::MappedMutexGuard";
    }
}

#[test]
fn of_dashmap() {
    use dashmap::mapref::one::{Ref, RefMut};
    assert_paths! {
        Ref<'_, u8, u8>: "dashmap::mapref::one::Ref";
        RefMut<'_, u8, u8>: "dashmap::mapref::one::RefMut";
    }
}

#[test]
fn of_pools() {
    use diesel_async::AsyncPgConnection;
    use diesel_async::pooled_connection;
    use sqlx::Sqlite;
    use sqlx::pool::PoolConnection;

    use crate::nothing::Nothing;

    assert_paths! {
        deadpool::managed::Object<Nothing>: "deadpool::managed::object::Object";
        deadpool::unmanaged::Object<u8>: "deadpool::unmanaged::Object";
        bb8::PooledConnection<'_, Nothing>: "bb8::api::PooledConnection";
        mobc::Connection<Nothing>: "mobc::Connection";
        r2d2::PooledConnection<Nothing>: "r2d2::PooledConnection";
        PoolConnection<Sqlite>: "sqlx_core::pool::connection::PoolConnection";
        sqlx::Transaction<'_, Sqlite>: "sqlx_core::transaction::Transaction";
        sea_orm::DatabaseTransaction: "sea_orm::database::transaction::DatabaseTransaction";
        pooled_connection::deadpool::Object<AsyncPgConnection>:
            "deadpool::managed::object::Object";
        pooled_connection::bb8::PooledConnection<'_, AsyncPgConnection>:
            "bb8::api::PooledConnection";
    }
}

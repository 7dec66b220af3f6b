//! The guard types that are known by name.

/// How a guard keeps others away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    /// No other guard exists.
    Exclusive,
    /// Other shared guards may exist.
    Shared,
    /// It is one of a number of permits or connections.
    Counted,
}

/// A guard type: its path begins with `module`, which is empty for the names that any crate uses
/// for its locks, and ends with `name`.
#[derive(Debug)]
pub(super) struct KnownGuard {
    pub(super) module: &'static str,
    pub(super) name: &'static str,
    pub(super) resource: Resource,
    pub(super) access: Access,
}

/// What a known guard is a guard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Mutex,
    RwLock,
    Semaphore,
    Channel,
    Map,
    Pool,
}

const fn of(
    resource: Resource,
    module: &'static str,
    name: &'static str,
    access: Access,
) -> KnownGuard {
    KnownGuard {
        module,
        name,
        resource,
        access,
    }
}

/// Guards of std, tokio, `parking_lot`, async-lock, futures, dashmap and of the pools that axum
/// services use. Other crates' locks have guards of the same names.
pub(super) const KNOWN: &[KnownGuard] = {
    use Access::{Counted, Exclusive, Shared};
    use Resource::{Channel, Map, Mutex, Pool, RwLock, Semaphore};

    &[
        of(Mutex, "", "MutexGuard", Exclusive),
        of(Mutex, "", "OwnedMutexGuard", Exclusive),
        of(Mutex, "", "MappedMutexGuard", Exclusive),
        of(Mutex, "", "OwnedMappedMutexGuard", Exclusive),
        of(Mutex, "", "MutexGuardArc", Exclusive),
        of(Mutex, "", "ArcMutexGuard", Exclusive),
        of(Mutex, "", "ReentrantMutexGuard", Exclusive),
        of(RwLock, "", "RwLockReadGuard", Shared),
        of(RwLock, "", "OwnedRwLockReadGuard", Shared),
        of(RwLock, "", "MappedRwLockReadGuard", Shared),
        of(RwLock, "", "RwLockReadGuardArc", Shared),
        of(RwLock, "", "ArcRwLockReadGuard", Shared),
        of(RwLock, "", "RwLockUpgradableReadGuard", Shared),
        of(RwLock, "", "RwLockUpgradableReadGuardArc", Shared),
        of(RwLock, "", "ArcRwLockUpgradableReadGuard", Shared),
        of(RwLock, "", "RwLockWriteGuard", Exclusive),
        of(RwLock, "", "OwnedRwLockWriteGuard", Exclusive),
        of(RwLock, "", "RwLockMappedWriteGuard", Exclusive),
        of(RwLock, "", "MappedRwLockWriteGuard", Exclusive),
        of(RwLock, "", "OwnedRwLockMappedWriteGuard", Exclusive),
        of(RwLock, "", "RwLockWriteGuardArc", Exclusive),
        of(RwLock, "", "ArcRwLockWriteGuard", Exclusive),
        of(Semaphore, "", "SemaphorePermit", Counted),
        of(Semaphore, "", "OwnedSemaphorePermit", Counted),
        of(Semaphore, "", "SemaphoreGuard", Counted),
        of(Semaphore, "", "SemaphoreGuardArc", Counted),
        of(Channel, "tokio::sync::mpsc", "Permit", Counted),
        of(Channel, "tokio::sync::mpsc", "OwnedPermit", Counted),
        of(Pool, "deadpool", "Object", Counted),
        of(Pool, "deadpool", "Connection", Counted),
        of(Pool, "bb8", "PooledConnection", Counted),
        of(Pool, "r2d2", "PooledConnection", Counted),
        of(Pool, "mobc", "Connection", Counted),
        of(Pool, "sqlx", "PoolConnection", Counted),
        of(Pool, "sqlx", "Transaction", Counted),
        of(Pool, "sea_orm", "DatabaseTransaction", Counted),
        of(Map, "dashmap", "Ref", Shared),
        of(Map, "dashmap", "RefMut", Exclusive),
    ]
};

impl Resource {
    /// The name of the resource of a crate or family of crates.
    pub(super) fn name(self, family: &str) -> String {
        let kind = match self {
            Resource::Mutex => "Mutex",
            Resource::RwLock => "RwLock",
            Resource::Semaphore => "Semaphore",
            Resource::Channel => "mpsc channel",
            Resource::Map => "shard",
            Resource::Pool => "pool",
        };
        format!("{family} {kind}")
    }

    /// True if its guards have a method with this name that takes them by value.
    pub(super) fn takes_by_value(self, method: &str) -> bool {
        let methods: &[&str] = match self {
            Resource::Mutex => &["commit", "unlock", "unlock_fair"],
            Resource::RwLock => &["downgrade", "upgrade", "try_upgrade", "unlock"],
            Resource::Semaphore | Resource::Channel => &["forget", "send", "release"],
            Resource::Map => &["downgrade", "map", "try_map"],
            Resource::Pool => &[
                "commit",
                "rollback",
                "detach",
                "leak",
                "close",
                "close_hard",
                "release",
            ],
        };
        methods.contains(&method)
    }
}

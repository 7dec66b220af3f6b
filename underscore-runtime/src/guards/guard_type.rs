//! Recognizes guard types by name. The result is cached by the address of the name, so that the
//! check costs a few instructions.

use std::fmt;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::known::{Access, KNOWN, KnownGuard, Resource};
use super::type_path::{TypePath, family, short};

/// The kind of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ResourceType {
    /// The crate and what it is, as in `tokio Mutex`.
    pub(crate) name: String,
    /// The guarded type as the compiler writes it, empty if there is none.
    pub(crate) of: String,
    /// True for a pool of connections, which may also wait to open one.
    pub(crate) is_pool: bool,
}

/// Writes `tokio Mutex<Item>`.
impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ResourceType { name, of, .. } = self;
        if of.is_empty() {
            f.write_str(name)
        } else {
            write!(f, "{name}<{of}>")
        }
    }
}

/// The guard types of the host, added by [`add_guard_type`].
static ADDED: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Adds a guard type of the host by its name, or by the last segments of its path.
pub(crate) fn add_guard_type(path: &str) {
    let mut added = ADDED.write().unwrap_or_else(PoisonError::into_inner);
    if added.iter().any(|known| known == path) {
        return;
    }
    added.push(path.to_owned());
    drop(added);
    // Names that were looked up before.
    for entry in &CACHE {
        entry.store(0, Ordering::Relaxed);
    }
}

/// Number of cached names. Further ones replace earlier ones.
const CACHED: usize = 1_024;

/// The kinds of types, with the addresses of their names: `address << 2 | kind`, zero if empty.
static CACHE: [AtomicUsize; CACHED] = [const { AtomicUsize::new(0) }; CACHED];

const OTHER: usize = 0;
/// A `Result` or an `Option` of a guard.
const IN_RESULT: usize = 1;
const GUARD: usize = 2;

/// True for the name of a guard type.
#[inline]
pub(crate) fn is_guard(type_name: &'static str) -> bool {
    kind(type_name) == GUARD
}

/// True for the name of a guard type, or of a `Result` or an `Option` of one.
#[inline]
pub(crate) fn is_in(type_name: &'static str) -> bool {
    kind(type_name) != OTHER
}

#[inline]
#[allow(clippy::indexing_slicing, reason = "the index has 10 bits")]
fn kind(type_name: &'static str) -> usize {
    let address = type_name.as_ptr().addr();
    // Fibonacci hashing: the upper bits of the product are well mixed.
    let hash = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    let entry = &CACHE[hash as usize & (CACHED - 1)];
    let cached = entry.load(Ordering::Relaxed);
    if cached >> 2 == address {
        cached & 3
    } else {
        look_up(type_name, entry)
    }
}

#[cold]
#[inline(never)]
fn look_up(type_name: &'static str, entry: &AtomicUsize) -> usize {
    let kind = match find(type_name) {
        None => OTHER,
        Some(found) if found.is_wrapped => IN_RESULT,
        Some(_) => GUARD,
    };
    // Relaxed: an independent number. An address above the bits that remain is never found.
    entry.store(type_name.as_ptr().addr() << 2 | kind, Ordering::Relaxed);
    kind
}

/// A guard type that was found.
struct Found<'a> {
    guard: Guard,
    path: TypePath<'a>,
    /// True if it is in a `Result` or an `Option`.
    is_wrapped: bool,
}

#[derive(Clone, Copy)]
enum Guard {
    Known(&'static KnownGuard),
    Added,
}

/// The guard type with this name, or in it.
fn find(name: &str) -> Option<Found<'_>> {
    let path = TypePath::parse(name)?;
    if path.path.ends_with("result::Result") || path.path.ends_with("option::Option") {
        return find(path.first_argument()).map(|found| Found {
            is_wrapped: true,
            ..found
        });
    }
    let (module, last) = path.split()?;
    let mut known = KNOWN.iter();
    let known = known.find(|known| known.name == last && module.starts_with(known.module));
    let guard = match known {
        Some(known) => Guard::Known(known),
        None if is_added(path.path) => Guard::Added,
        None => return None,
    };
    Some(Found {
        guard,
        path,
        is_wrapped: false,
    })
}

fn is_added(path: &str) -> bool {
    let added = ADDED.read().unwrap_or_else(PoisonError::into_inner);
    added.iter().any(|added| {
        let rest = path.strip_suffix(added.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with("::"))
    })
}

/// The resource that the guard of this type, or in it, is a guard of, and how it keeps others away.
pub(crate) fn guard_of(type_name: &str) -> Option<(ResourceType, Access)> {
    let Found { guard, path, .. } = find(type_name)?;
    let family = path.family();
    Some(match guard {
        Guard::Known(known) => {
            let of = match known.resource {
                // The first argument of parking_lot's guards is the kind of the raw lock.
                Resource::Mutex | Resource::RwLock if family == "parking_lot" => {
                    path.other_arguments()
                }
                Resource::Mutex | Resource::RwLock => path.first_argument(),
                Resource::Map | Resource::Channel => path.type_arguments(),
                Resource::Semaphore | Resource::Pool => "",
            };
            let resource = ResourceType {
                name: known.resource.name(family),
                of: short(of),
                is_pool: known.resource == Resource::Pool,
            };
            (resource, known.access)
        }
        Guard::Added => {
            let resource = ResourceType {
                name: format!("pool of {}", short(path.path)),
                of: String::new(),
                is_pool: true,
            };
            (resource, Access::Counted)
        }
    })
}

/// True if the guard type has a method with this name that takes the guard by value. True for a
/// type of which this is not known.
pub(crate) fn takes_by_value(type_name: &str, method: &str) -> bool {
    match find(type_name).map(|found| found.guard) {
        Some(Guard::Known(known)) => known.resource.takes_by_value(method),
        Some(Guard::Added) | None => true,
    }
}

/// True if a future of the type `future` that gives a guard of the type `output` is a wait for the
/// lock or the pool itself: a function of the same crate. A function of the host that gives a guard
/// may do much else.
pub(crate) fn is_wait_of(future: &str, output: &str) -> bool {
    let Some(found) = find(output) else {
        return false;
    };
    let path = future.trim_start_matches(['<', '&']);
    family(path) == found.path.family()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(
        clippy::unnecessary_wraps,
        reason = "compared with what `guard_of` returns"
    )]
    fn resource(name: &str, of: &str, access: Access) -> Option<(ResourceType, Access)> {
        let resource = ResourceType {
            name: name.to_owned(),
            of: of.to_owned(),
            is_pool: name.contains("pool"),
        };
        Some((resource, access))
    }

    #[test]
    fn guards_are_recognized_by_their_type_names() {
        let permit = "core::result::Result<tokio::sync::semaphore::SemaphorePermit, \
                      tokio::sync::batch_semaphore::AcquireError>";
        assert_eq!(
            guard_of(permit),
            resource("tokio Semaphore", "", Access::Counted)
        );
        assert!(is_in(permit) && !is_guard(permit));
        assert_eq!(
            guard_of("tokio::sync::rwlock::read_guard::RwLockReadGuard<alloc::vec::Vec<(u8, u8)>>"),
            resource("tokio RwLock", "Vec<(u8, u8)>", Access::Shared)
        );
        assert_eq!(
            guard_of("lock_api::mutex::MutexGuard<parking_lot::raw_mutex::RawMutex, a::B>"),
            resource("parking_lot Mutex", "B", Access::Exclusive)
        );
        assert_eq!(
            guard_of("core::option::Option<tokio::sync::mutex::MutexGuard<'_, a::B<'_, u8>>>"),
            resource("tokio Mutex", "B<'_, u8>", Access::Exclusive)
        );
        assert_eq!(
            guard_of("sqlx_core::pool::connection::PoolConnection<sqlx_sqlite::Sqlite>"),
            resource("sqlx pool", "", Access::Counted)
        );
        let guard = "tokio::sync::mutex::MutexGuard<'_, u8>";
        assert!(is_guard(guard) && is_in(guard));
    }

    #[test]
    fn other_types_are_no_guards() {
        for name in [
            "alloc::vec::Vec<tokio::sync::mutex::MutexGuard<u8>>",
            "core::option::Option<alloc::string::String>",
            "&tokio::sync::mutex::MutexGuard<'_, u8>",
            "(tokio::sync::mutex::MutexGuard<'_, u8>, u8)",
            "core::cell::Ref<u8>",
            "MutexGuard",
            "",
        ] {
            assert!(guard_of(name).is_none(), "{name}");
            assert!(!is_in(name), "{name}");
        }
    }

    #[test]
    fn a_type_of_the_host_is_a_guard_once_it_is_added() {
        let name = "my_service::db::AsyncPoolClient<u8>";
        assert!(!is_guard(name));
        add_guard_type("db::AsyncPoolClient");
        assert!(is_guard(name));
        assert!(!is_guard("my_service::mydb::AsyncPoolClient"));
        assert_eq!(
            guard_of(name),
            resource("pool of AsyncPoolClient", "", Access::Counted)
        );
    }

    #[test]
    fn a_wait_is_a_future_of_the_crate_of_the_guard() {
        let output = "tokio::sync::mutex::MutexGuard<u8>";
        let lock = "tokio::sync::mutex::Mutex<u8>::lock::{{closure}}";
        assert!(is_wait_of(lock, output));
        assert!(!is_wait_of("app::stock::{{closure}}", output));
        let connection = "core::result::Result<sqlx_core::pool::connection::PoolConnection<\
                          sqlx_sqlite::database::Sqlite>, sqlx_core::error::Error>";
        let acquire = "sqlx_core::pool::Pool<sqlx_sqlite::database::Sqlite>::acquire::{{closure}}";
        assert!(is_wait_of(acquire, connection));
    }
}

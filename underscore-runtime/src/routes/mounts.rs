//! The mounts of a handler. They are only ever added, and are found without a lock.

use std::collections::BTreeSet;
use std::iter::successors;
use std::sync::OnceLock;

use super::route::Route;
use crate::route::stable_hash;
use crate::sync::Mutex;

/// Number of chains for the mounts after the first, which is nearly always the only one.
const CHAINS: usize = 256;

/// A hash table by path that only grows. Readers never wait; the caller serializes writers.
#[derive(Debug)]
pub(super) struct Mounts {
    first: OnceLock<&'static Route>,
    more: OnceLock<Box<[Chain]>>,
    /// The mount digits in use.
    digits: Mutex<BTreeSet<u16>>,
}

/// A list that only grows.
#[derive(Debug, Default)]
struct Chain(OnceLock<Box<Link>>);

#[derive(Debug)]
struct Link {
    route: &'static Route,
    next: Chain,
}

impl Mounts {
    pub(super) const fn new() -> Self {
        Mounts {
            first: OnceLock::new(),
            more: OnceLock::new(),
            digits: Mutex::new(BTreeSet::new()),
        }
    }

    /// The first mount.
    #[inline]
    pub(super) fn first(&self) -> Option<&'static Route> {
        self.first.get().copied()
    }

    /// The mount at `path` for which `is_it` is true.
    pub(super) fn find(
        &self,
        path: Option<&str>,
        is_it: impl Fn(&Route) -> bool,
    ) -> Option<&'static Route> {
        let chain = self.more.get().and_then(|more| more.get(chain_of(path)));
        let mut candidates = self
            .first()
            .into_iter()
            .chain(chain.into_iter().flat_map(Chain::iter));
        candidates.find(|route| is_it(route))
    }

    /// Reserves digits for a mount. False if another mount has them.
    pub(super) fn reserve_digits(&self, digits: u16) -> bool {
        self.digits.lock().insert(digits)
    }

    /// Adds a new mount. Called by one thread at a time.
    pub(super) fn add(&self, route: &'static Route) {
        if self.first.set(route).is_ok() {
            return;
        }
        let more = self
            .more
            .get_or_init(|| (0..CHAINS).map(|_| Chain::default()).collect());
        let path = route.identity.path.as_deref();
        #[allow(
            clippy::indexing_slicing,
            reason = "`chain_of` is below the number of chains"
        )]
        let mut chain = &more[chain_of(path)];
        while let Some(link) = chain.0.get() {
            chain = &link.next;
        }
        let next = Chain::default();
        chain.0.get_or_init(|| Box::new(Link { route, next }));
    }

    /// All mounts so far.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'static Route> {
        let more = self.more.get().into_iter().flatten();
        self.first().into_iter().chain(more.flat_map(Chain::iter))
    }
}

impl Chain {
    fn iter(&self) -> impl Iterator<Item = &'static Route> {
        let links = successors(self.0.get(), |link| link.next.0.get());
        links.map(|link| link.route)
    }
}

fn chain_of(path: Option<&str>) -> usize {
    let hash = stable_hash(&[path.unwrap_or_default().as_bytes()]);
    usize::try_from(hash).unwrap_or(0) % CHAINS
}

#[cfg(test)]
mod tests {
    use super::super::HandlerEntry;
    use axum::http::Method;
    use std::collections::HashSet;

    #[test]
    fn each_of_many_mounts_is_found_again_and_has_its_own_id() {
        static MANY: HandlerEntry = HandlerEntry::new("mounts::many", "mounts.rs", 1, 1);
        let paths: Vec<String> = (0..1_000).map(|number| format!("/{number}")).collect();
        let mount = |method, path: &String| MANY.route(method, Some(path));
        let first: Vec<_> = paths.iter().map(|path| mount(&Method::GET, path)).collect();
        for (route, path) in first.iter().zip(&paths) {
            assert!(std::ptr::eq(*route, mount(&Method::GET, path)), "{path}");
            assert!(!std::ptr::eq(*route, mount(&Method::POST, path)), "{path}");
        }
        assert_eq!(MANY.routes().count(), 2 * paths.len());
        let digits: HashSet<u16> = MANY.routes().map(|route| route.identity.mount).collect();
        assert_eq!(digits.len(), 2 * paths.len());
    }
}

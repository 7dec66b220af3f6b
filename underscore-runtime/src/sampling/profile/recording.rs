//! The samples of one profile, added up by stack.
//!
//! A sample is added up by the address of its stack, which requests at the same place share: two
//! hashed words, and no allocation for a known stack. These sums are merged by path when there are
//! many of them, and at the end.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::sample::{Filter, Sample, Tick, Weight};
use crate::clock::Instant;
use crate::routes::Route;
use crate::stack::AwaitPath;
use crate::sync::Arc;

/// Maximum number of distinct stacks of a profile, and of paths held between two merges.
pub(crate) const MAX_STACKS: usize = 10_000;

/// A completed profile.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    /// The time from the first tick to the last one.
    pub(crate) length: Duration,
    /// The number of ticks after the first one.
    pub(crate) ticks: u64,
    /// The number of complete passes over the requests in flight.
    pub(crate) passes: u64,
    /// The requests in flight that each pass has seen, added up.
    pub(crate) requests_seen: u64,
    /// Those of them that were looked at.
    pub(crate) requests_sampled: u64,
    /// The samples of recorded requests, and the time that they stand for.
    pub(crate) recorded: Weight,
    /// The heaviest first.
    pub(crate) stacks: Vec<ProfileStack>,
    /// All stacks beyond [`MAX_STACKS`].
    pub(crate) rest: Weight,
}

/// A place at which requests were seen.
#[derive(Debug)]
pub(crate) struct ProfileStack {
    pub(crate) route: &'static Route,
    pub(crate) is_running: bool,
    /// Empty if the requests were at no known await.
    pub(crate) path: AwaitPath,
    pub(crate) weight: Weight,
}

/// A profile in progress.
#[derive(Debug)]
pub(super) struct Recording {
    filter: Filter,
    /// The decisions of `filter.routes`, by the routes' addresses.
    is_recorded: HashMap<usize, bool>,
    /// The first tick and the last one. The samples of the first one stand for time before it.
    /// Those of each further one stand for the time since the last look, also if it was before the
    /// first tick: with as many looks that are due after the last tick, the sum is right.
    span: Option<(Instant, Instant)>,
    ticks: u64,
    passes: u64,
    requests_seen: u64,
    requests_sampled: u64,
    recorded: Weight,
    recent: HashMap<StackKey, RecentStack>,
    /// The number of paths in `recent`.
    recent_paths: usize,
    merged: HashMap<PathKey, Weight>,
    rest: Weight,
}

/// A stack by the addresses of its route and of its paths, which an entry of `recent` holds.
#[derive(Debug, PartialEq, Eq, Hash)]
struct StackKey {
    route: usize,
    paths: usize,
    is_running: bool,
}

#[derive(Debug)]
struct RecentStack {
    route: &'static Route,
    paths: Arc<[AwaitPath]>,
    weight: Weight,
}

/// A path by its route and its points, each of which has an address of its own.
#[derive(Debug)]
struct PathKey {
    route: &'static Route,
    is_running: bool,
    path: AwaitPath,
}

impl Recording {
    pub(super) fn new(filter: Filter) -> Self {
        Recording {
            filter,
            is_recorded: HashMap::new(),
            span: None,
            ticks: 0,
            passes: 0,
            requests_seen: 0,
            requests_sampled: 0,
            recorded: Weight::default(),
            recent: HashMap::new(),
            recent_paths: 0,
            merged: HashMap::new(),
            rest: Weight::default(),
        }
    }

    pub(super) fn add(&mut self, sample: &Sample<'_>) {
        let Sample {
            route,
            is_running,
            paths,
            time,
        } = *sample;
        if self.span.is_none()
            || self
                .filter
                .is_running
                .is_some_and(|only| only != is_running)
        {
            return;
        }
        let key = StackKey {
            route: route.address(),
            paths: paths.as_ptr().addr(),
            is_running,
        };
        let weight = Weight { time, samples: 1 };
        if let Some(known) = self.recent.get_mut(&key) {
            known.weight.add(weight);
            self.recorded.add(weight);
            return;
        }
        let decision = self.is_recorded.entry(key.route);
        if !*decision.or_insert_with(|| self.filter.has_route(route)) {
            return;
        }
        self.recorded.add(weight);
        if self.recent_paths.saturating_add(paths.len()) > MAX_STACKS {
            self.merge();
        }
        self.recent_paths = self.recent_paths.saturating_add(paths.len().max(1));
        let paths = Arc::clone(paths);
        self.recent.insert(
            key,
            RecentStack {
                route,
                paths,
                weight,
            },
        );
    }

    pub(super) fn end_of_tick(&mut self, tick: &Tick) {
        let Some((first, last)) = &mut self.span else {
            self.span = Some((tick.at, tick.at));
            return;
        };
        let since = tick.at.since(*last);
        *last = tick.at;
        if !tick.is_continuous {
            // No sample stands for that time, so it is no part of the length.
            *first = first.after(since);
            return;
        }
        self.ticks = self.ticks.saturating_add(1);
        self.passes = self.passes.saturating_add(u64::from(tick.ends_a_pass));
        self.requests_seen = self.requests_seen.saturating_add(tick.requests_seen);
        self.requests_sampled = self.requests_sampled.saturating_add(tick.requests_sampled);
    }

    /// Merges the recent sums by path.
    fn merge(&mut self) {
        self.recent_paths = 0;
        for (StackKey { is_running, .. }, recent) in self.recent.drain() {
            let RecentStack {
                route,
                paths,
                weight,
            } = recent;
            // A request at no known await has an empty path.
            let none = [AwaitPath::default()];
            let paths = if paths.is_empty() { &none } else { &*paths };
            for (path, weight) in paths.iter().zip(weight.divided(paths.len())) {
                let is_full = self.merged.len() >= MAX_STACKS;
                let path = path.clone();
                let key = PathKey {
                    route,
                    is_running,
                    path,
                };
                match self.merged.get_mut(&key) {
                    Some(known) => known.add(weight),
                    None if is_full => self.rest.add(weight),
                    None => {
                        self.merged.insert(key, weight);
                    }
                }
            }
        }
    }

    pub(super) fn into_profile(mut self) -> Profile {
        self.merge();
        let stack = |(key, weight)| {
            let PathKey {
                route,
                is_running,
                path,
            } = key;
            ProfileStack {
                route,
                is_running,
                path,
                weight,
            }
        };
        let mut stacks: Vec<ProfileStack> = self.merged.into_iter().map(stack).collect();
        stacks.sort_by_cached_key(|stack| {
            let identity = &stack.route.identity;
            let places: Vec<String> = stack.path.iter().map(ToString::to_string).collect();
            let route = (identity.path.as_deref(), identity.method.as_str());
            (Reverse(stack.weight.time), route, stack.is_running, places)
        });
        Profile {
            length: self
                .span
                .map(|(first, last)| last.since(first))
                .unwrap_or_default(),
            ticks: self.ticks,
            passes: self.passes,
            requests_seen: self.requests_seen,
            requests_sampled: self.requests_sampled,
            recorded: self.recorded,
            stacks,
            rest: self.rest,
        }
    }
}

impl PathKey {
    fn addresses(&self) -> impl Iterator<Item = usize> {
        let points = self.path.iter();
        points.map(|point| point.address())
    }
}

impl PartialEq for PathKey {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.route, other.route)
            && self.is_running == other.is_running
            && self.addresses().eq(other.addresses())
    }
}

impl Eq for PathKey {}

impl Hash for PathKey {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        std::ptr::from_ref(self.route).hash(hasher);
        self.is_running.hash(hasher);
        self.addresses().for_each(|address| address.hash(hasher));
    }
}

#[cfg(test)]
mod tests;

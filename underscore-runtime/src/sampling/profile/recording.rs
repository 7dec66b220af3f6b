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
            route: std::ptr::from_ref(route).addr(),
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
        let Some((_, last)) = &mut self.span else {
            self.span = Some((tick.at, tick.at));
            return;
        };
        *last = tick.at;
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
        points.map(|point| std::ptr::from_ref(*point).addr())
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
mod tests {
    use super::*;
    use crate::routes::{HandlerEntry, RouteEntry};
    use crate::stack::AwaitPoint;
    use axum::http::Method;

    static HANDLER: HandlerEntry = HandlerEntry::new("m::f", "f.rs", 1, 1);
    static OTHER: HandlerEntry = HandlerEntry::new("m::g", "g.rs", 1, 1);
    static OUTER: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 1, 1, "outer()");
    static LEFT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 2, 1, "left()");
    static RIGHT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 3, 1, "right()");

    const TICK: Duration = Duration::from_millis(33);

    fn paths(points: &[&[&'static AwaitPoint]]) -> Arc<[AwaitPath]> {
        points.iter().copied().map(Box::from).collect()
    }

    /// A tick that completes a pass.
    fn tick(millis: u64) -> Tick {
        Tick {
            at: Instant::from_nanos(millis * 1_000_000),
            requests_seen: 1,
            requests_sampled: 1,
            ends_a_pass: true,
        }
    }

    fn started(filter: Filter) -> Recording {
        let mut recording = Recording::new(filter);
        recording.end_of_tick(&tick(0));
        recording
    }

    fn add(recording: &mut Recording, is_running: bool, paths: &Arc<[AwaitPath]>) {
        let route = HANDLER.route(&Method::GET, Some("/f"));
        recording.add(&Sample {
            route,
            is_running,
            paths,
            time: TICK,
        });
    }

    /// The lines of each stack's points, and its time.
    fn stacks(profile: &Profile) -> Vec<(Vec<String>, bool, Duration)> {
        let stacks = profile.stacks.iter();
        let stack = |stack: &ProfileStack| {
            let points = stack.path.iter().map(ToString::to_string).collect();
            (points, stack.is_running, stack.weight.time)
        };
        stacks.map(stack).collect()
    }

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn samples_at_the_same_awaits_are_one_stack_and_the_heaviest_is_first() {
        let mut recording = started(Filter::default());
        let (left, right) = (paths(&[&[&OUTER, &LEFT]]), paths(&[&[&RIGHT]]));
        add(&mut recording, false, &right);
        add(&mut recording, false, &left);
        add(&mut recording, false, &left);
        // Other addresses with the same content.
        add(&mut recording, false, &paths(&[&[&OUTER, &LEFT]]));
        add(&mut recording, true, &left);
        add(&mut recording, false, &paths(&[]));
        recording.end_of_tick(&Tick {
            requests_seen: 7,
            requests_sampled: 6,
            ..tick(33)
        });
        let profile = recording.into_profile();
        assert_eq!(
            stacks(&profile),
            [
                (lines(&["f.rs:1", "f.rs:2"]), false, 3 * TICK),
                (lines(&[]), false, TICK),
                (lines(&["f.rs:3"]), false, TICK),
                (lines(&["f.rs:1", "f.rs:2"]), true, TICK),
            ]
        );
        assert_eq!(
            (profile.length, profile.ticks, profile.passes),
            (TICK, 1, 1)
        );
        assert_eq!((profile.requests_seen, profile.requests_sampled), (7, 6));
        let recorded = Weight {
            time: 6 * TICK,
            samples: 6,
        };
        assert_eq!(profile.recorded, recorded);
    }

    #[test]
    fn the_time_of_a_request_in_several_branches_is_divided_among_them() {
        let mut recording = started(Filter::default());
        let branches = paths(&[&[&OUTER, &LEFT], &[&OUTER, &RIGHT], &[&RIGHT]]);
        let route = HANDLER.route(&Method::GET, Some("/f"));
        recording.add(&Sample {
            route,
            is_running: false,
            paths: &branches,
            time: Duration::from_nanos(100),
        });
        let profile = recording.into_profile();
        let times: Vec<u128> = profile
            .stacks
            .iter()
            .map(|stack| stack.weight.time.as_nanos())
            .collect();
        assert_eq!(times, [34, 33, 33]);
        assert!(profile.stacks.iter().all(|stack| stack.weight.samples == 1));
        assert_eq!(profile.recorded.time.as_nanos(), 100);
        assert_eq!(profile.recorded.samples, 1);
    }

    #[test]
    fn samples_before_the_end_of_the_first_tick_are_of_the_time_before_the_profile() {
        let mut recording = Recording::new(Filter::default());
        add(&mut recording, false, &paths(&[&[&LEFT]]));
        recording.end_of_tick(&tick(0));
        let profile = recording.into_profile();
        assert_eq!((profile.ticks, profile.requests_seen), (0, 0));
        assert!(profile.stacks.is_empty());
    }

    #[test]
    fn a_filter_selects_routes_and_states() {
        let entry = |handler: &'static HandlerEntry, route| RouteEntry {
            id: "00000000".parse().expect("an id"),
            handler,
            route,
        };
        let route = HANDLER.route(&Method::GET, Some("/f"));
        let other = HANDLER.route(&Method::GET, Some("/other"));
        let cases = [
            (vec![entry(&HANDLER, Some(route))], None, 2),
            (vec![entry(&HANDLER, Some(other))], None, 0),
            (vec![entry(&HANDLER, None)], None, 2),
            (vec![entry(&OTHER, None)], None, 0),
            (vec![], None, 0),
            (vec![entry(&HANDLER, None)], Some(true), 1),
        ];
        for (routes, is_running, recorded) in cases {
            let mut recording = started(Filter {
                routes: Some(routes),
                is_running,
            });
            let left = paths(&[&[&LEFT]]);
            add(&mut recording, false, &left);
            add(&mut recording, true, &left);
            assert_eq!(recording.into_profile().recorded.samples, recorded);
        }
    }

    #[test]
    fn stacks_beyond_the_limit_are_one_rest() {
        let mut recording = started(Filter::default());
        let points: Vec<&'static AwaitPoint> = (0..200)
            .map(|line| &*Box::leak(Box::new(AwaitPoint::new("m::f", "f.rs", line, 1, "f()"))))
            .collect();
        let pairs = points
            .iter()
            .flat_map(|one| points.iter().map(move |other| [*one, *other]));
        let most = MAX_STACKS + 3_000;
        for pair in pairs.take(most) {
            add(&mut recording, false, &paths(&[&pair]));
            assert!(recording.recent_paths <= MAX_STACKS);
        }
        let profile = recording.into_profile();
        assert_eq!(profile.stacks.len(), MAX_STACKS);
        assert_eq!(profile.rest.samples, 3_000);
        assert_eq!(profile.recorded.samples, most as u64);
        let all: Duration = profile.stacks.iter().map(|stack| stack.weight.time).sum();
        assert_eq!(all + profile.rest.time, profile.recorded.time);
    }
}

//! A sample, the filter of a profile, and the weight of samples.

use std::time::Duration;

use crate::clock::Instant;
use crate::routes::{Route, RouteEntry};
use crate::stack::AwaitPath;
use crate::sync::Arc;

/// One look at one request.
#[derive(Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) route: &'static Route,
    pub(crate) is_running: bool,
    /// One path per branch; empty if the request is at no known await. Those of a running request
    /// are where it last waited. Shared by requests at the same place.
    pub(crate) paths: &'a Arc<[AwaitPath]>,
    /// The request-time that the sample stands for: the time since the last look at this part of
    /// the tasks, divided by the share of them that is sampled.
    pub(crate) time: Duration,
}

/// A tick, which looks at the requests in flight, or at a part of them if they are very many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub(crate) at: Instant,
    pub(crate) requests_seen: u64,
    /// Those of them that were looked at.
    pub(crate) requests_sampled: u64,
    /// True if it has completed a pass over all requests.
    pub(crate) ends_a_pass: bool,
    /// False if the sampler has not run all the time since the last one.
    pub(crate) is_continuous: bool,
}

/// The requests that a profile records.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Those of these routes. An entry of a handler without a route stands for all of its routes,
    /// which are to come.
    pub(crate) routes: Option<Vec<RouteEntry>>,
    /// Running ones, or waiting ones.
    pub(crate) is_running: Option<bool>,
}

/// Samples, and the request-time that they stand for. A request in several branches is a sample of
/// each, and its time is divided equally among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) time: Duration,
    pub(crate) samples: u64,
}

impl Weight {
    pub(super) fn add(&mut self, Weight { time, samples }: Weight) {
        self.time = self.time.saturating_add(time);
        self.samples = self.samples.saturating_add(samples);
    }

    /// The parts of `count` branches: the times add up to this one.
    pub(super) fn divided(self, count: usize) -> impl Iterator<Item = Weight> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let part = self.time.checked_div(count).unwrap_or_default();
        let first = self
            .time
            .saturating_sub(part.saturating_mul(count.saturating_sub(1)));
        let times = std::iter::once(first).chain(std::iter::repeat(part));
        times.map(move |time| Weight { time, ..self })
    }
}

impl Filter {
    pub(super) fn has_route(&self, route: &Route) -> bool {
        let is_its = |entry: &RouteEntry| match entry.route {
            Some(own) => std::ptr::eq(own, route),
            None => std::ptr::eq(
                &raw const entry.handler.declaration,
                route.identity.declaration(),
            ),
        };
        self.routes
            .as_ref()
            .is_none_or(|entries| entries.iter().any(is_its))
    }
}

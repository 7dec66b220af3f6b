//! The ended requests of each route in the last minute, and before that: differences between
//! readings of the counters that the route has anyway.
//!
//! A tick reads a few routes in turn, and each reading adds at most one mark. The windows of
//! `stats` have exact percentiles, but to read them takes some hundred microseconds a route, and
//! they do not tell outcomes apart.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::clock::Instant;
use crate::routes::{HandlerEntry, Route, all_handlers};
use crate::stats::{BOUNDED, BOUNDS, EndSeries, Outcome, class_of};

/// The length of the present, which is compared with the time before it.
const PRESENT: Duration = Duration::from_secs(60);

/// The time before a reading for which marks are kept.
const KEPT: Duration = Duration::from_secs(15 * 60);

/// Minimum time between two marks.
const MARK_EVERY: Duration = Duration::from_secs(15);

/// Number of routes that a tick reads, about 2 us each: with up to 900 routes, all of them are read
/// as often as a mark is due.
const READ_PER_TICK: usize = 2;

/// Maximum number of routes whose marks are kept: 5 KB each.
const MAX_ROUTES: usize = 1_024;

/// Counts of ended requests. They wrap around, and only differences are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Responses of the handler by time, up to each of the [`BOUNDS`] and above the last.
    times: [u32; BOUNDED],
    /// Responses of the handler with a status of 500 or above. They are in `times`, too.
    server_errors: u32,
    panicked: u32,
    expired: u32,
    /// Responses whose body failed.
    broken: u32,
    /// Requests whose client left.
    pub(super) left: u32,
    /// Requests that a setting refused before the handler ran.
    pub(super) refused: u32,
}

/// The traffic of all routes.
#[derive(Debug)]
pub(super) struct Traffic {
    /// The first reading: there was no traffic before that.
    begun: Instant,
    /// By address of the route.
    routes: HashMap<usize, RouteTraffic>,
    /// The routes to read in this round.
    due: Vec<(&'static HandlerEntry, &'static Route)>,
}

/// The readings of one route.
#[derive(Debug)]
pub(super) struct RouteTraffic {
    pub(super) handler: &'static HandlerEntry,
    pub(super) route: &'static Route,
    /// The oldest first, at least one.
    marks: VecDeque<(Instant, Counts)>,
    newest: (Instant, Counts),
}

impl Traffic {
    pub(super) fn new(now: Instant) -> Self {
        Traffic {
            begun: now,
            routes: HashMap::new(),
            due: Vec::new(),
        }
    }

    /// Reads the next routes.
    pub(super) fn tick(&mut self, now: Instant) {
        for _ in 0..READ_PER_TICK {
            let Some((handler, route)) = self.due.pop() else {
                self.due = all_routes().collect();
                return;
            };
            self.read(handler, route, now);
        }
    }

    /// Reads all routes.
    pub(super) fn read_all(&mut self, now: Instant) {
        for (handler, route) in all_routes() {
            self.read(handler, route, now);
        }
    }

    /// The routes that have had requests.
    pub(super) fn routes(&self) -> impl Iterator<Item = &RouteTraffic> {
        self.routes.values()
    }

    /// The traffic of a route now, `None` if it has had none.
    pub(super) fn refreshed(
        &mut self,
        route: &'static Route,
        now: Instant,
    ) -> Option<&RouteTraffic> {
        let known = self.routes.get(&route.address())?;
        self.read(known.handler, route, now);
        self.routes.get(&route.address())
    }

    fn read(&mut self, handler: &'static HandlerEntry, route: &'static Route, now: Instant) {
        let counts = Counts::new(&route.stats.ends());
        let address = route.address();
        if let Some(known) = self.routes.get_mut(&address) {
            known.add(counts, now);
        } else if counts != Counts::default() && self.routes.len() < MAX_ROUTES {
            let mut marks = VecDeque::new();
            marks.push_back((self.begun, Counts::default()));
            let traffic = RouteTraffic {
                handler,
                route,
                marks,
                newest: (now, counts),
            };
            self.routes.insert(address, traffic);
        }
    }
}

fn all_routes() -> impl Iterator<Item = (&'static HandlerEntry, &'static Route)> {
    let handlers = all_handlers().into_iter();
    handlers.flat_map(|handler| handler.routes().map(move |route| (handler, route)))
}

impl RouteTraffic {
    fn add(&mut self, counts: Counts, now: Instant) {
        let is_due = |(at, _): &(Instant, Counts)| now.since(*at) >= MARK_EVERY;
        if self.marks.back().is_none_or(is_due) {
            self.marks.push_back(self.newest);
        }
        self.newest = (now, counts);
        // The last one that is old enough stays, so that the marks cover the whole time.
        let is_old = |mark: Option<&(Instant, Counts)>| {
            mark.is_some_and(|(at, _)| now.since(*at) >= KEPT.saturating_add(PRESENT))
        };
        while is_old(self.marks.get(1)) {
            self.marks.pop_front();
        }
    }

    /// The index of the mark at which the present begins.
    fn present(&self) -> usize {
        let (now, _) = self.newest;
        let is_before = |(at, _): &(Instant, Counts)| now.since(*at) >= PRESENT;
        let before = self.marks.iter().rposition(is_before);
        before.unwrap_or_default()
    }

    fn mark(&self, index: usize) -> Counts {
        let mark = self.marks.get(index);
        mark.map_or(Counts::default(), |(_, counts)| *counts)
    }

    /// The last minute, to the distance of two marks.
    pub(super) fn recent(&self) -> Counts {
        let (_, now) = self.newest;
        now.since(&self.mark(self.present()))
    }

    /// The fifteen minutes before the last.
    pub(super) fn before(&self) -> Counts {
        self.mark(self.present()).since(&self.mark(0))
    }

    /// Both together.
    pub(super) fn all(&self) -> Counts {
        let (_, now) = self.newest;
        now.since(&self.mark(0))
    }

    /// Everything so far, to compare with a later reading.
    pub(super) fn total(&self) -> Counts {
        let (_, now) = self.newest;
        now
    }

    /// The parts of the last minute, the newest last.
    pub(super) fn parts(&self) -> impl Iterator<Item = Counts> {
        let ends = self.marks.iter().skip(self.present());
        let ends: Vec<Counts> = ends
            .chain([&self.newest])
            .map(|(_, counts)| *counts)
            .collect();
        let pairs = ends.clone().into_iter().zip(ends.into_iter().skip(1));
        pairs.map(|(begin, end)| end.since(&begin))
    }
}

impl Counts {
    fn new(ends: &[EndSeries]) -> Self {
        let mut counts = Counts::default();
        for series in ends {
            let number = series
                .counts()
                .iter()
                .fold(0, |sum, count| wrap(sum, *count));
            let sum = match series.outcome() {
                Outcome::Completed => {
                    for (time, count) in counts.times.iter_mut().zip(series.counts()) {
                        *time = wrap(*time, *count);
                    }
                    if class_of(series.status()) != 5 {
                        continue;
                    }
                    &mut counts.server_errors
                }
                Outcome::Disconnected => &mut counts.left,
                Outcome::Panicked => &mut counts.panicked,
                Outcome::Expired => &mut counts.expired,
                Outcome::Failed => &mut counts.broken,
                Outcome::Preempted | Outcome::Rejected => &mut counts.refused,
                // An operator's doing says nothing of the route.
                Outcome::Interrupted => continue,
            };
            *sum = wrap(*sum, number.into());
        }
        counts
    }

    /// The counts since `earlier`.
    pub(super) fn since(&self, earlier: &Counts) -> Counts {
        let mut times = self.times;
        for (time, before) in times.iter_mut().zip(earlier.times) {
            *time = time.wrapping_sub(before);
        }
        Counts {
            times,
            server_errors: self.server_errors.wrapping_sub(earlier.server_errors),
            panicked: self.panicked.wrapping_sub(earlier.panicked),
            expired: self.expired.wrapping_sub(earlier.expired),
            broken: self.broken.wrapping_sub(earlier.broken),
            left: self.left.wrapping_sub(earlier.left),
            refused: self.refused.wrapping_sub(earlier.refused),
        }
    }

    /// Number of responses of the handler.
    pub(super) fn answered(&self) -> u32 {
        self.times
            .iter()
            .fold(0, |sum, count| sum.wrapping_add(*count))
    }

    /// Number of requests that reached the handler and ended.
    pub(super) fn ended(&self) -> u32 {
        let others = [self.panicked, self.expired, self.broken, self.left];
        let others = others.into_iter().fold(0, u32::wrapping_add);
        self.answered().wrapping_add(others)
    }

    /// The number of requests that failed for each way to fail.
    pub(super) fn failures(&self) -> [(&'static str, u32); 4] {
        [
            ("answered 5xx", self.server_errors),
            ("panicked", self.panicked),
            ("expired", self.expired),
            ("failed midway", self.broken),
        ]
    }

    /// Number of requests that failed.
    pub(super) fn failed(&self) -> u32 {
        let failures = self.failures().into_iter();
        failures.fold(0, |sum, (_, count)| sum.wrapping_add(count))
    }

    /// An upper bound of the 99th percentile of the response times. `None` without responses, and
    /// above the highest of the [`BOUNDS`].
    pub(super) fn p99(&self) -> Option<Duration> {
        let answered = u64::from(self.answered());
        let (mut below, most) = (0_u64, answered.saturating_mul(99));
        let mut bounds = BOUNDS.iter().zip(self.times);
        let (bound, _) = bounds.find(|(_, count)| {
            below = below.saturating_add(u64::from(*count));
            answered > 0 && below.saturating_mul(100) >= most
        })?;
        Some(Duration::from_nanos(*bound))
    }

    /// Number of responses that took longer than one of the [`BOUNDS`].
    pub(super) fn slower_than(&self, bound: Duration) -> u32 {
        let is_above = |(index, _): &(usize, &u32)| {
            let below = index.checked_sub(1).and_then(|below| BOUNDS.get(below));
            below.is_some_and(|below| Duration::from_nanos(*below) >= bound)
        };
        let slow = self.times.iter().enumerate().filter(is_above);
        slow.fold(0, |sum, (_, count)| sum.wrapping_add(*count))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "only differences are used")]
fn wrap(sum: u32, more: u64) -> u32 {
    sum.wrapping_add(more as u32)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use axum::http::Method;

    static ENTRY: HandlerEntry = HandlerEntry::new("test::traffic", file!(), line!(), column!());

    /// Counts with this number of responses at the index of a bound.
    pub(in crate::health) fn answers(times: &[(usize, u32)]) -> Counts {
        let mut counts = Counts::default();
        for (index, count) in times {
            counts.times[*index] = *count;
        }
        counts
    }

    /// Counts with responses of which some are server errors.
    pub(in crate::health) fn errors(answered: u32, server_errors: u32) -> Counts {
        Counts {
            server_errors,
            ..answers(&[(0, answered)])
        }
    }

    /// The traffic of a route that counts this much in each 15 seconds.
    pub(in crate::health) fn played(parts: &[Counts]) -> RouteTraffic {
        let route = ENTRY.route_of(&Method::GET, None);
        let at = |part: usize| {
            let start = Instant::from_nanos(3_600_000_000_000);
            start.after(MARK_EVERY * u32::try_from(part).expect("small"))
        };
        let mut total = Counts::default();
        let mut traffic = RouteTraffic {
            handler: &ENTRY,
            route,
            marks: VecDeque::from([(at(0), total)]),
            newest: (at(0), total),
        };
        for (part, more) in parts.iter().enumerate() {
            // The sum, by way of the difference to the negative.
            total = total.since(&Counts::default().since(more));
            traffic.add(total, at(part + 1));
        }
        traffic
    }

    #[test]
    fn the_last_minute_is_told_from_the_time_before_it() {
        let mut parts = vec![errors(10, 1); 100];
        parts.extend([errors(7, 0); 4]);
        let traffic = played(&parts);
        assert_eq!(traffic.recent(), errors(28, 0));
        assert_eq!(traffic.before().answered() % 10, 0);
        let most = u32::try_from(KEPT.as_secs() / MARK_EVERY.as_secs()).expect("small");
        let covered = traffic.before().answered() / 10;
        assert!((most..=most + 1).contains(&covered), "{covered}");
        assert_eq!(traffic.parts().last(), Some(errors(7, 0)));
        assert_eq!(traffic.parts().count(), 4);
        assert!(traffic.marks.len() < 70, "{}", traffic.marks.len());
    }

    #[test]
    fn a_percentile_is_the_bound_that_covers_it() {
        assert_eq!(Counts::default().p99(), None);
        let p99 = |times: &[(usize, u32)]| answers(times).p99();
        let bound = |index: usize| Some(Duration::from_nanos(BOUNDS[index]));
        assert_eq!(p99(&[(0, 99), (3, 1)]), bound(0));
        assert_eq!(p99(&[(0, 98), (3, 2)]), bound(3));
        assert_eq!(p99(&[(BOUNDS.len(), 1)]), None);
        let counts = answers(&[(0, 5), (5, 3), (6, 2), (BOUNDS.len(), 1)]);
        assert_eq!(counts.slower_than(Duration::from_millis(100)), 3);
        assert_eq!(counts.slower_than(Duration::from_secs(10)), 1);
    }
}

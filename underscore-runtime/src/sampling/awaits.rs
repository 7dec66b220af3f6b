//! What is known of each await point of the last minute: the time that requests have waited there,
//! and when one has last gone on.

use std::collections::HashMap;
use std::time::Duration;

use super::places::Place;
use crate::clock::Instant;
use crate::routes::Route;
use crate::stack::AwaitPoint;
use crate::units::nanos;

/// The window in seconds.
const WINDOW: usize = 60;

/// Maximum number of await points that are known, by route. Further ones are not added until others
/// have not been seen for the window.
const MAX_AWAITS: usize = 2_048;

/// The await points of the last minute.
#[derive(Debug, Default)]
pub(super) struct Awaits {
    known: HashMap<Key, AwaitUse>,
    /// The time of all requests.
    all: Minute,
    cleaned: u64,
}

/// The addresses of the await point and of the route.
type Key = (usize, usize);

fn key(route: &'static Route, point: &'static AwaitPoint) -> Key {
    (point.address(), route.address())
}

#[derive(Debug)]
struct AwaitUse {
    point: &'static AwaitPoint,
    route: &'static Route,
    time: Minute,
    looks: Minute,
    last_passed: Option<Instant>,
    last_seen: Instant,
}

/// An await point, as it was used in the last minute by the requests of one route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AwaitSummary {
    pub(crate) point: &'static AwaitPoint,
    pub(crate) route: &'static Route,
    /// Its part of the time of all requests, from 0 to 1.
    pub(crate) share: f64,
    /// Number of looks that found a request there.
    pub(crate) looks: u64,
    /// When a request was last seen to have gone on from there.
    pub(crate) last_passed: Option<Instant>,
}

impl Awaits {
    /// Adds a look at a request, which stands for this time of all requests. One that runs is at
    /// none of the awaits of `place`, where it has last waited.
    pub(super) fn add(
        &mut self,
        route: &'static Route,
        place: &Place,
        is_running: bool,
        time: Duration,
        now: Instant,
    ) {
        self.all.add(now, nanos(time));
        if is_running {
            return;
        }
        for point in leaves(place) {
            if let Some(known) = self.known(route, point, now) {
                known.time.add(now, nanos(time));
                known.looks.add(now, 1);
                known.last_seen = now;
            }
        }
    }

    /// A request has left `place` for another one, or with its end.
    pub(super) fn passed(
        &mut self,
        route: &'static Route,
        place: &Place,
        next: Option<&Place>,
        at: Instant,
    ) {
        for point in leaves(place) {
            let is_there =
                next.is_some_and(|next| leaves(next).any(|other| std::ptr::eq(other, point)));
            if !is_there && let Some(known) = self.known(route, point, at) {
                known.last_passed = known.last_passed.max(Some(at));
                known.last_seen = known.last_seen.max(at);
            }
        }
    }

    fn known(
        &mut self,
        route: &'static Route,
        point: &'static AwaitPoint,
        now: Instant,
    ) -> Option<&mut AwaitUse> {
        let key = key(route, point);
        if self.known.len() >= MAX_AWAITS && !self.known.contains_key(&key) {
            return None;
        }
        Some(self.known.entry(key).or_insert_with(|| AwaitUse {
            point,
            route,
            time: Minute::default(),
            looks: Minute::default(),
            last_passed: None,
            last_seen: now,
        }))
    }

    /// When a request was last seen to have gone on from an await.
    pub(super) fn last_passed(
        &self,
        route: &'static Route,
        point: &'static AwaitPoint,
    ) -> Option<Instant> {
        self.known.get(&key(route, point))?.last_passed
    }

    /// Forgets awaits that were not seen for the window. Does so once a second.
    pub(super) fn clean(&mut self, now: Instant) {
        let second = now.second();
        if std::mem::replace(&mut self.cleaned, second) != second {
            let oldest = second.saturating_sub(WINDOW as u64);
            self.known
                .retain(|_, known| known.last_seen.second() > oldest);
        }
    }

    /// The await points of the last minute.
    pub(super) fn read(&self, now: Instant) -> Vec<AwaitSummary> {
        let all = self.all.sum(now);
        #[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
        let share = |time: u64| match all {
            0 => 0.0,
            all => time as f64 / all as f64,
        };
        let oldest = now.second().saturating_sub(WINDOW as u64);
        let known = self.known.values();
        let known = known.filter(|known| known.last_seen.second() > oldest);
        let summaries = known.map(|known| AwaitSummary {
            point: known.point,
            route: known.route,
            share: share(known.time.sum(now)),
            looks: known.looks.sum(now),
            last_passed: known.last_passed,
        });
        summaries.collect()
    }
}

/// The innermost awaits of a place, each once.
pub(super) fn leaves(place: &Place) -> impl Iterator<Item = &'static AwaitPoint> {
    let leaf = |at: usize| place.get(at).and_then(|path| path.last().copied());
    (0..place.len()).filter_map(move |at| {
        let point = leaf(at)?;
        let is_first = |before| leaf(before).is_none_or(|other| !std::ptr::eq(other, point));
        (0..at).all(is_first).then_some(point)
    })
}

/// A sum for each of the last sixty seconds.
#[derive(Clone, Debug)]
struct Minute {
    sums: [u64; WINDOW],
    newest: u64,
}

impl Default for Minute {
    fn default() -> Self {
        Minute {
            sums: [0; WINDOW],
            newest: 0,
        }
    }
}

impl Minute {
    fn add(&mut self, now: Instant, more: u64) {
        self.advance(now.second());
        if let Some(sum) = self.sums.get_mut(index(now.second())) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Clears the seconds since the newest one.
    fn advance(&mut self, second: u64) {
        let passed = second.saturating_sub(self.newest).min(WINDOW as u64);
        for more in 0..passed {
            if let Some(sum) = self.sums.get_mut(index(second.saturating_sub(more))) {
                *sum = 0;
            }
        }
        self.newest = self.newest.max(second);
    }

    fn sum(&self, now: Instant) -> u64 {
        let mut minute = self.clone();
        minute.advance(now.second());
        minute
            .sums
            .iter()
            .fold(0, |all, sum| all.saturating_add(*sum))
    }
}

fn index(second: u64) -> usize {
    usize::try_from(second)
        .unwrap_or_default()
        .checked_rem(WINDOW)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_leaves_the_window_after_a_minute() {
        let at = |seconds: u64| Instant::from_nanos((3_600 + seconds) * 1_000_000_000);
        let mut minute = Minute::default();
        minute.add(at(0), 5);
        minute.add(at(59), 7);
        assert_eq!(minute.sum(at(59)), 12);
        assert_eq!(minute.sum(at(60)), 7);
        minute.add(at(60), 1);
        assert_eq!(minute.sum(at(118)), 8);
        assert_eq!(minute.sum(at(119)), 1);
        assert_eq!(minute.sum(at(1_000)), 0);
    }
}

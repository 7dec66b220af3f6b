//! Follows single requests from tick to tick: the time that each spends at each of its places.
//!
//! A tick reads one cache line of a request that has not been polled since. Waiting begins at the
//! end of a poll, which the request records itself, so the times are exact to a tick of the coarse
//! clock at which they begin, and to a look at which they end.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::awaits::{Awaits, leaves};
use super::places::{Place, Places, is_same};
use super::waiting::Waiter;
use crate::clock::Instant;
use crate::ended::{self, Fate, Phase, SharedPath, Stay, Timeline};
use crate::routes::Route;
use crate::stats::Outcome;
use crate::task::{Glance, TaskRef, TaskState};

/// Maximum number of requests that are watched because they are old: those that became old first.
const MAX_OLD: usize = 768;

/// Maximum number of requests that are watched as a random share of all.
const MAX_SAMPLED: usize = 256;

/// Maximum number of places of a timeline. The time at further ones is one sum.
const MAX_STAYS: usize = 32;

/// Between two looks that are further apart than this, a request that was polled may have been
/// anywhere: the process was stopped, there was no admin API, or the machine is overloaded.
const LONGEST_GAP: Duration = Duration::from_millis(500);

/// The requests that are watched.
#[derive(Debug, Default)]
pub(super) struct Watches {
    /// The last look at all of them.
    looked: Option<Instant>,
    old: Vec<Watch>,
    sampled: Vec<Watch>,
    /// The ids of both.
    ids: HashSet<u64>,
    /// The position in `sampled` that is replaced next.
    next: usize,
}

/// A request that is watched.
#[derive(Debug)]
struct Watch {
    task: TaskRef,
    route: &'static Route,
    /// At the last look.
    glance: Glance,
    /// When the poll was first seen that it is inside of.
    polled_since: Instant,
    /// Number of records of ended requests before the last look.
    records: u64,
    place: Place,
    phase: Phase,
    /// The stays that have not ended.
    open: Vec<OpenStay>,
    /// When `place` or `phase` last changed.
    changed: Instant,
    /// The time that is part of stays.
    covered: Duration,
    timeline: Timeline,
}

#[derive(Debug)]
struct OpenStay {
    path: SharedPath,
    since: Instant,
}

impl Watches {
    /// True if there is room for a request that has become old.
    pub(super) fn has_room_for_old(&self) -> bool {
        self.old.len() < MAX_OLD
    }

    /// The requests that were last polled at least `time` ago, each at every await that it waits
    /// at. One that streams waits for its client or for more to send.
    pub(super) fn waiting(&self, time: Duration, now: Instant) -> impl Iterator<Item = Waiter> {
        let watches = self.old.iter().chain(&self.sampled);
        watches.flat_map(move |watch| {
            let since = watch.glance.since.filter(|since| now.since(*since) >= time);
            let since = since.filter(|_| watch.glance.state == TaskState::Waiting);
            let waiter = move |point| {
                Some(Waiter {
                    task: watch.task.id,
                    route: watch.route,
                    point,
                    since: since?.max(watch.task.started),
                })
            };
            let unknown = watch.place.is_empty().then_some(None);
            let points = leaves(&watch.place).map(Some).chain(unknown);
            points.filter_map(waiter)
        })
    }

    /// True if one that may hold guards or wait for locks was last polled at least `time` ago.
    pub(super) fn stands_still_with_locks(&self, time: Duration, now: Instant) -> bool {
        let mut watches = self.old.iter().chain(&self.sampled);
        watches.any(|watch| {
            let since = watch.glance.since.filter(|since| now.since(*since) >= time);
            since.is_some() && watch.task.may_have_locks()
        })
    }

    fn has(&self, task: &TaskRef) -> bool {
        self.ids.contains(&task.id.number())
    }

    /// Watches a request that has become old.
    pub(super) fn add_old(&mut self, task: TaskRef, now: Instant, places: &mut Places) {
        if self.has(&task) {
            return;
        }
        let (Some(route), Some(glance)) = (task.own_route(), task.glance()) else {
            return;
        };
        let place = places.find(&task, route);
        if let Some(watch) = Watch::begin(task, glance, place, now) {
            self.ids.insert(task.id.number());
            self.old.push(watch);
        }
    }

    /// Watches a request of the random share, in place of another one if there is no room.
    pub(super) fn add_sampled(
        &mut self,
        task: TaskRef,
        glance: Glance,
        place: Place,
        now: Instant,
    ) {
        if self.has(&task) {
            return;
        }
        let Some(watch) = Watch::begin(task, glance, place, now) else {
            return;
        };
        self.ids.insert(task.id.number());
        if self.sampled.len() < MAX_SAMPLED {
            self.sampled.push(watch);
            return;
        }
        self.next = self.next.wrapping_add(1) % MAX_SAMPLED;
        if let Some(other) = self.sampled.get_mut(self.next) {
            let other = std::mem::replace(other, watch);
            self.ids.remove(&other.task.id.number());
        }
    }

    /// Looks at all of them.
    pub(super) fn look(&mut self, now: Instant, places: &mut Places, awaits: &mut Awaits) {
        let last = self.looked.replace(now);
        let gap = last.filter(|last| now.since(*last) > LONGEST_GAP);
        let ids = &mut self.ids;
        let mut look = |watch: &mut Watch| {
            let is_there = watch.look(now, gap, places, awaits);
            if !is_there {
                ids.remove(&watch.task.id.number());
            }
            is_there
        };
        self.old.retain_mut(&mut look);
        self.sampled.retain_mut(&mut look);
    }
}

impl Watch {
    fn begin(task: TaskRef, glance: Glance, place: Place, now: Instant) -> Option<Self> {
        let route = task.own_route()?;
        let records = ended::added();
        if task.glance()?.polls != glance.polls {
            // `place` may be that of a later poll, and the time since `glance` of another place.
            return None;
        }
        let mut watch = Watch {
            task,
            route,
            glance,
            polled_since: now,
            records,
            place: Arc::clone(&place),
            phase: Phase::Waiting,
            open: Vec::new(),
            changed: now,
            covered: Duration::ZERO,
            timeline: Timeline::default(),
        };
        watch.timeline.looks = 1;
        let phase = Phase::new(glance.state);
        if phase == Phase::Running {
            if glance.polls == 1 {
                // Its first poll.
                watch.polled_since = task.started;
                watch.changed = task.started;
            }
            // A request that never waits would end like one that was never looked at.
            task.signal();
        } else {
            watch.changed = end_of_last_poll(&glance, now).max(task.started);
            watch.enter(place, phase, watch.changed);
        }
        Some(watch)
    }

    /// Looks at the request. False if it has ended. `gap` is the last look if that was long ago.
    fn look(
        &mut self,
        now: Instant,
        gap: Option<Instant>,
        places: &mut Places,
        awaits: &mut Awaits,
    ) -> bool {
        let records = ended::added();
        let Some(glance) = self.task.glance() else {
            self.end(now, gap, awaits);
            return false;
        };
        self.records = records;
        self.timeline.looks = self.timeline.looks.saturating_add(1);
        let is_polled = glance.polls != self.glance.polls;
        self.glance = glance;
        if let Some(last) = gap.filter(|_| is_polled) {
            self.leave(last);
        }
        if glance.state == TaskState::Running {
            if is_polled {
                // Seen once, it may be a short poll.
                self.polled_since = now;
            } else if self.phase != Phase::Running {
                self.enter(Arc::clone(&self.place), Phase::Running, self.polled_since);
            }
            return true;
        }
        let phase = Phase::new(glance.state);
        if !is_polled && phase == self.phase {
            return true;
        }
        if let Some(task) = self.task.refreshed() {
            // A layer's request continues on the route of its handler.
            self.route = task.own_route().unwrap_or(self.route);
            self.task = task;
        }
        let place = places.find(&self.task, self.route);
        let is_moved = !is_same(&place, &self.place);
        if is_moved || phase != self.phase || self.open.is_empty() {
            let at = end_of_last_poll(&glance, now);
            if is_moved {
                awaits.passed(self.route, &self.place, Some(&place), at);
            }
            self.enter(place, phase, at);
        }
        true
    }

    /// Ends the stays that do not continue at `place`, and begins those that did not exist.
    fn enter(&mut self, place: Place, phase: Phase, at: Instant) {
        let at = at.max(self.changed);
        self.cover(at);
        let continues = phase == self.phase;
        let before = std::mem::take(&mut self.open);
        // A place without a known await is a stay, too.
        let paths = (0..place.len().max(1)).map(|index| SharedPath::new(&place, index));
        let mut open: Vec<OpenStay> = paths.map(|path| OpenStay { path, since: at }).collect();
        for stay in before {
            let same = open.iter_mut().find(|next| next.path.is_same(&stay.path));
            match same.filter(|_| continues) {
                Some(next) => next.since = stay.since,
                None => self.end_stay(&stay, at),
            }
        }
        (self.open, self.place, self.phase) = (open, place, phase);
    }

    /// Ends all stays. Where the request is from then on is not known.
    fn leave(&mut self, at: Instant) {
        let at = at.max(self.changed);
        self.cover(at);
        for stay in std::mem::take(&mut self.open) {
            self.end_stay(&stay, at);
        }
        self.phase = Phase::Waiting;
    }

    /// Adds the time since the last change to that of stays.
    fn cover(&mut self, until: Instant) {
        if !self.open.is_empty() {
            let time = until.since(self.changed);
            self.covered = self.covered.saturating_add(time);
        }
        self.changed = until;
    }

    fn end_stay(&mut self, stay: &OpenStay, at: Instant) {
        let (time, phase) = (at.since(stay.since), self.phase);
        let stays = &mut self.timeline.stays;
        let is_same = |known: &&mut Stay| known.phase == phase && known.path.is_same(&stay.path);
        if let Some(known) = stays.iter_mut().find(is_same) {
            known.times = known.times.saturating_add(1);
            known.total = known.total.saturating_add(time);
            known.longest = known.longest.max(time);
        } else if stays.len() < MAX_STAYS {
            stays.push(Stay {
                path: stay.path.alone(),
                phase,
                times: 1,
                total: time,
                longest: time,
            });
        } else {
            let (times, total) = &mut self.timeline.others;
            *times = times.saturating_add(1);
            *total = total.saturating_add(time);
        }
    }

    /// The request has ended since the last look.
    fn end(&mut self, now: Instant, gap: Option<Instant>, awaits: &mut Awaits) {
        match ended::fate(self.task.id, self.records) {
            Fate::Recorded(outcome, ended) => {
                if outcome == Outcome::Completed {
                    awaits.passed(self.route, &self.place, None, ended);
                }
                self.leave(gap.unwrap_or(ended).min(ended));
                let mut timeline = std::mem::take(&mut self.timeline);
                let took = ended.since(self.task.started);
                timeline.unseen = took.saturating_sub(self.covered);
                ended::attach(self.task.id, timeline);
            }
            // After a gap, the moment is not known.
            Fate::Ordinary if gap.is_none() => awaits.passed(self.route, &self.place, None, now),
            Fate::Ordinary | Fate::Unknown => {}
        }
    }
}

/// When a request that waits has begun to.
fn end_of_last_poll(glance: &Glance, now: Instant) -> Instant {
    glance.since.unwrap_or(now).min(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::HandlerEntry;
    use crate::task::NewTask;
    use axum::http::{Method, StatusCode, Version};

    static ENTRY: HandlerEntry = HandlerEntry::new("test::watched", file!(), line!(), column!());

    /// Holds 12.17 of docs/admin-api.md.
    #[test]
    fn a_fixed_number_of_requests_is_watched() {
        let route = ENTRY.route_of(&Method::GET, None);
        let slots: Vec<_> = (0..2_000)
            .map(|_| NewTask::request(route, Version::HTTP_11).begin())
            .collect();
        let (now, mut places) = (Instant::now(), Places::default());
        let mut watches = Watches::default();
        for slot in &slots {
            let task = TaskRef::find(slot).expect("it lives");
            if watches.has_room_for_old() {
                watches.add_old(task, now, &mut places);
            } else {
                let glance = task.glance().expect("it lives");
                let place = places.find(&task, route);
                watches.add_sampled(task, glance, place, now);
            }
        }
        assert_eq!((watches.old.len(), watches.sampled.len()), (768, 256));
        assert_eq!(watches.ids.len(), 1_024);
        for slot in slots {
            slot.complete(StatusCode::OK);
        }
        watches.look(now, &mut places, &mut Awaits::default());
        assert!(watches.old.is_empty() && watches.sampled.is_empty());
        assert!(watches.ids.is_empty());
    }
}

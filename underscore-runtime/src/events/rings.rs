//! The events that are kept: the newest of each type, so that many of one type do not displace the
//! others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use super::event::{Event, EventType, NewEvent};

/// Number of events of each type that are kept.
pub(super) const KEPT: usize = 200;

/// Number of rings: one of each type, and one of refused calls.
pub(super) const RINGS: usize = EventType::ALL.len() + 1;

const REFUSED: usize = EventType::ALL.len();

/// Some of the types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Types([bool; RINGS]);

impl Types {
    pub(crate) const ALL: Types = Types([true; RINGS]);

    pub(crate) fn new(types: &[EventType]) -> Self {
        let mut wanted = [false; RINGS];
        for (wanted, kind) in wanted.iter_mut().zip(EventType::ALL) {
            *wanted = types.contains(&kind);
        }
        // The last ring is the other one of this type.
        if let Some(refused) = wanted.last_mut() {
            *refused = types.contains(&EventType::Audit);
        }
        Types(wanted)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        let wanted = self.0.into_iter().enumerate();
        wanted.filter_map(|(ring, is_wanted)| is_wanted.then_some(ring))
    }
}

/// All events that are kept.
#[derive(Debug)]
pub(super) struct Rings {
    newest: u64,
    rings: [Ring; RINGS],
}

/// The newest events of a type, the oldest first.
#[derive(Debug)]
pub(super) struct Ring {
    events: VecDeque<Arc<Event>>,
    /// Number of events that were displaced, and the id of the last one.
    displaced: u64,
    last_displaced: u64,
}

impl Rings {
    pub(super) const fn new() -> Self {
        Rings {
            newest: 0,
            rings: [const { Ring::new() }; RINGS],
        }
    }

    /// Adds an event with the next id. Returns the one that it displaces.
    pub(super) fn push(&mut self, event: NewEvent) -> Option<Arc<Event>> {
        self.newest = self.newest.saturating_add(1);
        let ring = match event.kind {
            _ if event.is_refused => REFUSED,
            kind => kind as usize,
        };
        // The time is read while locked, so that times are in the order of ids.
        let event = event.into_event(self.newest, SystemTime::now());
        self.rings.get_mut(ring)?.push(Arc::new(event))
    }

    /// The id of the newest event, zero if there is none.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    pub(super) fn ring(&self, ring: usize) -> Option<&Ring> {
        self.rings.get(ring)
    }

    pub(super) fn all(&self) -> &[Ring; RINGS] {
        &self.rings
    }
}

impl Ring {
    const fn new() -> Self {
        Ring {
            events: VecDeque::new(),
            displaced: 0,
            last_displaced: 0,
        }
    }

    fn push(&mut self, event: Arc<Event>) -> Option<Arc<Event>> {
        let full = self.events.len() >= KEPT;
        let displaced = full.then(|| self.events.pop_front()).flatten();
        if let Some(displaced) = &displaced {
            self.displaced = self.displaced.saturating_add(1);
            self.last_displaced = displaced.id;
        }
        self.events.push_back(event);
        displaced
    }

    /// Number of events that were displaced so far.
    pub(super) fn displaced(&self) -> u64 {
        self.displaced
    }

    /// The id of the last one that was displaced, zero if none was.
    pub(super) fn last_displaced(&self) -> u64 {
        self.last_displaced
    }

    /// Number of events so far with this id or a lower one, of which the displaced ones are all
    /// counted.
    pub(super) fn count_to(&self, id: u64) -> u64 {
        let kept = self.events.partition_point(|event| event.id <= id);
        self.displaced.saturating_add(kept as u64)
    }

    /// Number of events so far.
    pub(super) fn count(&self) -> u64 {
        self.displaced.saturating_add(self.events.len() as u64)
    }

    /// The event that follows the first `seen` ones, if it is kept.
    pub(super) fn get(&self, seen: u64) -> Option<&Arc<Event>> {
        let index = usize::try_from(seen.checked_sub(self.displaced)?).ok()?;
        self.events.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_events_of_a_type_do_not_displace_those_of_another() {
        let mut rings = Rings::new();
        let event = |kind| NewEvent::new(kind);
        rings.push(event(EventType::Health));
        rings.push(event(EventType::Audit));
        for _ in 0..3 * KEPT {
            rings.push(event(EventType::Ended));
            rings.push(event(EventType::Audit).refused(true));
        }
        let kept = |kind: EventType| rings.rings[kind as usize].events.len();
        assert_eq!(kept(EventType::Health), 1);
        assert_eq!(kept(EventType::Audit), 1);
        assert_eq!(kept(EventType::Ended), KEPT);
        assert_eq!(rings.rings[REFUSED].events.len(), KEPT);
        assert_eq!(rings.newest(), 2 + 6 * KEPT as u64);
    }

    #[test]
    fn the_order_of_types_is_that_of_the_rings() {
        for (number, kind) in EventType::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            assert!(Types::new(&[kind]).iter().any(|ring| ring == number));
        }
        assert_eq!(Types::new(&EventType::ALL), Types::ALL);
        assert_eq!(Types::new(&[EventType::Audit]).iter().count(), 2);
    }
}

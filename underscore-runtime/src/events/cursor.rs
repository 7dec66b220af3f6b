//! A reader's place in the events.

use std::sync::Arc;

use super::event::Event;
use super::publish::EVENTS;
use super::rings::{RINGS, Ring, Rings, Types};

/// Maximum number of events that are read at once. The lock is held meanwhile, and each may have
/// several kilobytes.
const MOST_READ: usize = 4;

/// What a reader has seen. It reads each event of its types once, in the order of ids.
#[derive(Debug)]
pub(crate) struct Cursor {
    types: Types,
    /// Number of events of each ring that were read, or that it has lost.
    seen: [u64; RINGS],
    /// The id of the last event that was read.
    last: u64,
    /// The id of the last event that is to be read.
    end: u64,
    /// Events that it had lost when it began.
    lost: Option<Lost>,
}

/// Events that were displaced before a reader has read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) count: u64,
    /// Their ids are between these two, including them.
    pub(crate) first_id: u64,
    pub(crate) last_id: u64,
}

/// The next events of a reader.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The events that it has lost since the last batch.
    pub(crate) lost: Option<Lost>,
    /// The oldest first.
    pub(crate) events: Vec<Arc<Event>>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.lost.is_none() && self.events.is_empty()
    }
}

impl Cursor {
    /// Begins after the event with the id `since`, or with the oldest that is kept; and with the
    /// newest `size` of the events after that.
    pub(crate) fn new(types: Types, since: Option<u64>, size: Option<usize>) -> Self {
        Cursor::in_rings(&EVENTS.lock(), types, since, size)
    }

    /// Leaves what is published from now on to other readers.
    pub(crate) fn end_here(&mut self) {
        self.end = EVENTS.lock().newest();
    }

    /// The next events, none if all were read.
    pub(crate) fn read(&mut self) -> Batch {
        self.read_from(&EVENTS.lock())
    }

    fn in_rings(rings: &Rings, types: Types, since: Option<u64>, size: Option<usize>) -> Self {
        // An id that was not given yet is one of another process.
        let since = since.filter(|since| *since <= rings.newest());
        let mut cursor = Cursor {
            types,
            seen: rings
                .all()
                .each_ref()
                .map(|ring| since.map_or(ring.displaced(), |since| ring.count_to(since))),
            last: since.unwrap_or_default(),
            end: u64::MAX,
            lost: since.and_then(|since| Lost::since(rings, types, since)),
        };
        if let Some(size) = size {
            let left = cursor.left(rings);
            for _ in size..left {
                cursor.next(rings);
            }
        }
        cursor
    }

    /// Number of events that are left to read.
    fn left(&self, rings: &Rings) -> usize {
        let left = self.types.iter().filter_map(|index| {
            let count = rings.ring(index)?.count();
            Some(count.saturating_sub(*self.seen.get(index)?))
        });
        usize::try_from(left.sum::<u64>()).unwrap_or(usize::MAX)
    }

    fn read_from(&mut self, rings: &Rings) -> Batch {
        let lost = self.lost.take().or_else(|| self.skip_displaced(rings));
        let next = std::iter::from_fn(|| self.next(rings));
        Batch {
            lost,
            events: next.take(MOST_READ).collect(),
        }
    }

    /// Skips the events that were displaced since the last call.
    fn skip_displaced(&mut self, rings: &Rings) -> Option<Lost> {
        let (mut count, mut last_id) = (0_u64, 0);
        for index in self.types.iter() {
            let (Some(ring), Some(seen)) = (rings.ring(index), self.seen.get_mut(index)) else {
                continue;
            };
            if *seen < ring.displaced() {
                count = count.saturating_add(ring.displaced().saturating_sub(*seen));
                last_id = last_id.max(ring.last_displaced());
                *seen = ring.displaced();
            }
        }
        (count > 0).then_some(Lost {
            count,
            first_id: self.last.saturating_add(1),
            last_id,
        })
    }

    /// Reads the next event.
    fn next(&mut self, rings: &Rings) -> Option<Arc<Event>> {
        let heads = self.types.iter().filter_map(|index| {
            let seen = *self.seen.get(index)?;
            Some((index, rings.ring(index)?.get(seen)?))
        });
        let (index, event) = heads.min_by_key(|(_, event)| event.id)?;
        if event.id > self.end {
            return None;
        }
        if let Some(seen) = self.seen.get_mut(index) {
            *seen = seen.saturating_add(1);
        }
        self.last = event.id;
        Some(Arc::clone(event))
    }
}

impl Lost {
    /// What a reader of `types` has lost that has read all to the id `since`. The ids of displaced
    /// events are not known, so their number is that of all types. `None` if none of `types` was
    /// displaced.
    fn since(rings: &Rings, types: Types, since: u64) -> Option<Self> {
        let is_lost = |index| {
            let ring = rings.ring(index);
            ring.is_some_and(|ring| ring.last_displaced() > since)
        };
        if !types.iter().any(is_lost) {
            return None;
        }
        let after = rings.newest().saturating_sub(since);
        let kept = rings.all().iter();
        let kept = kept.map(|ring| ring.count().saturating_sub(ring.count_to(since)));
        let last = rings.all().iter().map(Ring::last_displaced).max();
        Some(Lost {
            count: after.saturating_sub(kept.sum()),
            first_id: since.saturating_add(1),
            last_id: last.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{EventType, NewEvent};
    use super::super::rings::KEPT;
    use super::*;

    const ALL: Types = Types::ALL;

    fn push(rings: &mut Rings, kind: EventType, count: usize) {
        for _ in 0..count {
            rings.push(NewEvent::new(kind));
        }
    }

    /// The ids of all that is left to read, and the losses.
    fn read(cursor: &mut Cursor, rings: &Rings) -> (Vec<u64>, Vec<Lost>) {
        let (mut ids, mut losses) = (Vec::new(), Vec::new());
        loop {
            let batch = cursor.read_from(rings);
            if batch.is_empty() {
                return (ids, losses);
            }
            losses.extend(batch.lost);
            ids.extend(batch.events.iter().map(|event| event.id));
        }
    }

    fn begin(rings: &Rings, types: Types, since: Option<u64>, size: Option<usize>) -> Vec<u64> {
        let mut cursor = Cursor::in_rings(rings, types, since, size);
        let (ids, losses) = read(&mut cursor, rings);
        assert_eq!(losses, [], "{since:?}");
        ids
    }

    /// Holds 16.1, 16.5, 16.6, 16.7 of docs/admin-api.md.
    #[test]
    fn events_of_several_types_are_read_in_the_order_of_their_ids() {
        let mut rings = Rings::new();
        assert!(begin(&rings, ALL, None, None).is_empty());
        for _ in 0..20 {
            push(&mut rings, EventType::Slow, 1);
            push(&mut rings, EventType::Ended, 2);
        }
        let all: Vec<u64> = (1..=60).collect();
        assert_eq!(begin(&rings, ALL, None, None), all);
        assert_eq!(begin(&rings, ALL, Some(0), None), all);
        assert_eq!(begin(&rings, ALL, Some(57), None), [58, 59, 60]);
        assert!(begin(&rings, ALL, Some(60), None).is_empty());
        assert_eq!(begin(&rings, ALL, Some(61), None), all, "another process");
        assert_eq!(begin(&rings, ALL, None, Some(2)), [59, 60]);
        assert_eq!(begin(&rings, ALL, Some(59), Some(2)), [60]);
        assert!(begin(&rings, ALL, None, Some(0)).is_empty());
        let slow = Types::new(&[EventType::Slow]);
        assert_eq!(begin(&rings, slow, Some(50), None), [52, 55, 58]);
        assert_eq!(begin(&rings, slow, None, Some(1)), [58]);
    }

    /// Holds 16.11 of docs/admin-api.md.
    #[test]
    fn a_reader_learns_the_number_of_what_it_has_lost_once() {
        let mut rings = Rings::new();
        push(&mut rings, EventType::Health, 1);
        let mut cursor = Cursor::in_rings(&rings, ALL, None, None);
        assert_eq!(read(&mut cursor, &rings), (vec![1], vec![]));
        push(&mut rings, EventType::Health, 1);
        push(&mut rings, EventType::Ended, KEPT + 50);
        let batch = cursor.read_from(&rings);
        let lost = Lost {
            count: 50,
            first_id: 2,
            last_id: 52,
        };
        assert_eq!(batch.lost, Some(lost));
        let ids: Vec<u64> = batch.events.iter().map(|event| event.id).collect();
        assert_eq!(ids, [2, 53, 54, 55]);
        // More are displaced while it reads.
        push(&mut rings, EventType::Ended, KEPT);
        let (rest, losses) = read(&mut cursor, &rings);
        let received = ids.len() + rest.len();
        let lost: u64 = losses.iter().map(|lost| lost.count).sum();
        assert_eq!(50 + lost + received as u64, rings.newest() - 1);
        assert_eq!(losses.len(), 1);
        assert!(losses[0].first_id > *ids.last().expect("some"));
        assert!(losses[0].last_id < rest[0]);
    }

    #[test]
    fn a_reader_of_a_type_loses_nothing_to_the_other_types() {
        let mut rings = Rings::new();
        let health = Types::new(&[EventType::Health]);
        let mut cursor = Cursor::in_rings(&rings, health, None, None);
        push(&mut rings, EventType::Health, 2);
        push(&mut rings, EventType::Ended, 2 * KEPT);
        assert_eq!(read(&mut cursor, &rings), (vec![1, 2], vec![]));
        assert_eq!(begin(&rings, health, Some(1), None), [2]);
    }

    /// Holds 16.11 of docs/admin-api.md.
    #[test]
    fn a_reader_that_returns_learns_what_it_has_lost_meanwhile() {
        let mut rings = Rings::new();
        push(&mut rings, EventType::Health, 10);
        push(&mut rings, EventType::Ended, 3 * KEPT);
        let mut cursor = Cursor::in_rings(&rings, ALL, Some(4), None);
        let (ids, losses) = read(&mut cursor, &rings);
        let lost = Lost {
            count: 2 * KEPT as u64,
            first_id: 5,
            last_id: 10 + 2 * KEPT as u64,
        };
        assert_eq!(losses, [lost]);
        assert_eq!(ids.len(), 6 + KEPT);
        assert_eq!(begin(&rings, ALL, None, None).len(), 10 + KEPT);
    }
}

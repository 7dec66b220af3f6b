//! Limits how many of many similar events are reported: the first ones of a window of time. The
//! others are counted, and reported as one number.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Instant;

/// How many events are reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) window: Duration,
    /// Maximum number of events of a key in its window.
    pub(crate) of_key: u32,
    /// Maximum number of events of all keys together.
    pub(crate) of_all: u32,
}

/// The events of the current windows, by key. `T` is what a report about the key needs.
#[derive(Debug)]
pub(crate) struct Throttle<K, T> {
    rate: Rate,
    windows: BTreeMap<K, Window<T>>,
    /// The window of all keys together: its begin, and the number of reported events.
    all: Option<(Instant, u32)>,
}

/// The events of a key since the first one.
#[derive(Debug)]
struct Window<T> {
    of: T,
    began: Instant,
    reported: u32,
    left_out: u64,
}

/// The events of a key that were left out in a window that is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LeftOut<K, T> {
    pub(crate) key: K,
    pub(crate) of: T,
    pub(crate) count: u64,
}

impl<K: Ord + Copy, T: Copy> Throttle<K, T> {
    /// Allocates nothing while there are no events.
    pub(crate) const fn new(rate: Rate) -> Self {
        Throttle {
            rate,
            windows: BTreeMap::new(),
            all: None,
        }
    }

    /// True if an event of `key` is to be reported. Otherwise it is counted as left out. The first
    /// event begins the window of its key, which lasts until it is [flushed](Self::flush).
    pub(crate) fn is_due(&mut self, key: K, of: T, now: Instant) -> bool {
        let Rate {
            window,
            of_key,
            of_all,
        } = self.rate;
        let all = self.all.filter(|(began, _)| now.since(*began) < window);
        let (all_began, in_all) = all.unwrap_or((now, 0));
        let window = self.windows.entry(key).or_insert(Window {
            of,
            began: now,
            reported: 0,
            left_out: 0,
        });
        let is_due = window.reported < of_key && in_all < of_all;
        if is_due {
            window.reported = window.reported.saturating_add(1);
        } else {
            window.left_out = window.left_out.saturating_add(1);
        }
        let in_all = in_all.saturating_add(u32::from(is_due));
        self.all = Some((all_began, in_all));
        is_due
    }

    /// Ends the windows that are over. Returns the keys of which events were left out.
    pub(crate) fn flush(&mut self, now: Instant) -> Vec<LeftOut<K, T>> {
        let mut left_out = Vec::new();
        self.windows.retain(|key, window| {
            let is_over = now.since(window.began) >= self.rate.window;
            if is_over && window.left_out > 0 {
                left_out.push(LeftOut {
                    key: *key,
                    of: window.of,
                    count: window.left_out,
                });
            }
            !is_over
        });
        left_out
    }
}

/// The keys with the most events, at most `most`, and the number of events of all others.
pub(crate) fn largest<K, T>(
    mut left_out: Vec<LeftOut<K, T>>,
    most: usize,
) -> (Vec<LeftOut<K, T>>, u64) {
    left_out.sort_by_key(|left_out| Reverse(left_out.count));
    let rest = left_out.split_off(left_out.len().min(most));
    let rest = rest.iter().map(|left_out| left_out.count);
    (left_out, rest.fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        window: Duration::from_secs(1),
        of_key: 2,
        of_all: 5,
    };

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(3_600_000_000_000).after(Duration::from_millis(millis))
    }

    #[test]
    fn the_first_events_of_a_key_are_due_and_the_others_counted() {
        let mut throttle = Throttle::new(RATE);
        let due = [0, 100, 200, 300].map(|millis| throttle.is_due("a", 1, at(millis)));
        assert_eq!(due, [true, true, false, false]);
        assert!(throttle.is_due("b", 2, at(300)));
        assert_eq!(throttle.flush(at(999)), []);
        let left_out = LeftOut {
            key: "a",
            of: 1,
            count: 2,
        };
        assert_eq!(throttle.flush(at(1_000)), [left_out]);
        assert!(throttle.is_due("a", 1, at(1_000)), "a new window");
        assert_eq!(throttle.flush(at(9_999)), [], "none was left out");
        assert!(throttle.windows.is_empty());
    }

    #[test]
    fn all_keys_share_a_limit() {
        let mut throttle = Throttle::new(RATE);
        let due = (0..8).filter(|key| throttle.is_due(*key, (), at(0)));
        assert_eq!(due.collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        let left_out = throttle.flush(at(1_000)).into_iter();
        assert_eq!(left_out.map(|it| it.key).collect::<Vec<_>>(), [5, 6, 7]);
        assert!(throttle.is_due(5, (), at(1_000)));
    }

    #[test]
    fn the_keys_with_the_most_are_named_and_the_rest_is_one_number() {
        let left_out = [3, 9, 1, 4].map(|count| LeftOut {
            key: count,
            of: (),
            count,
        });
        let (named, rest) = largest(left_out.into(), 2);
        assert_eq!(named.iter().map(|it| it.key).collect::<Vec<_>>(), [9, 4]);
        assert_eq!(rest, 4);
        assert_eq!(largest(named, 2).1, 0);
    }
}

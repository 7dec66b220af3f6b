//! Averages over the last minutes from one bucket per second: fixed memory, and a window's edge is
//! at most one second off. The seconds are the caller's, so that a test can play fifteen minutes.

use std::time::Duration;

/// The seconds that are kept: the longest window, and the second that is still being filled.
const KEPT: u64 = 15 * 60 + 1;

/// The answers of one second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Second {
    at: u64,
    count: u32,
    nanos: u64,
}

impl Second {
    /// Counts an answer, and gives back the second before if this one begins a new one.
    #[inline]
    pub(crate) fn record(&mut self, second: u64, nanos: u64) -> Option<Second> {
        let done = (self.at != second && self.count > 0).then_some(*self);
        if self.at != second {
            *self = Second {
                at: second,
                ..Second::default()
            };
        }
        self.count = self.count.saturating_add(1);
        self.nanos = self.nanos.saturating_add(nanos);
        done
    }

    /// Takes what was counted so far, for someone who looks now.
    pub(crate) fn take(&mut self) -> Option<Second> {
        let taken = std::mem::take(self);
        (taken.count > 0).then_some(taken)
    }
}

/// The average time of the answers in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Average {
    count: u64,
    nanos: u64,
}

impl Average {
    /// The average, or nothing where nothing was answered.
    pub(crate) fn time(self) -> Option<Duration> {
        Some(Duration::from_nanos(self.nanos.checked_div(self.count)?))
    }
}

/// The last fifteen minutes, a bucket per second: 22 KB, allocated with the route's first request.
#[derive(Debug)]
pub(crate) struct Window {
    seconds: Box<[Second]>,
}

impl Window {
    pub(crate) fn new() -> Self {
        let kept = usize::try_from(KEPT).unwrap_or(usize::MAX);
        Window {
            seconds: vec![Second::default(); kept].into_boxed_slice(),
        }
    }

    /// Adds what one writer counted. It may come late: then it goes where it belongs, if that second
    /// is still kept.
    pub(crate) fn add(&mut self, counted: Second) {
        let slot = usize::try_from(counted.at % KEPT).unwrap_or(0);
        let Some(kept) = self.seconds.get_mut(slot) else {
            return;
        };
        if kept.at < counted.at {
            *kept = counted;
        } else if kept.at == counted.at {
            kept.count = kept.count.saturating_add(counted.count);
            kept.nanos = kept.nanos.saturating_add(counted.nanos);
        }
    }

    /// The average over the `window` that ends with the second `now`.
    pub(crate) fn average(&self, now: u64, window: Duration) -> Average {
        let first = now.saturating_sub(window.as_secs());
        let within = |kept: &&Second| kept.at > first && kept.at <= now;
        let mut average = Average::default();
        for kept in self.seconds.iter().filter(within) {
            average.count += u64::from(kept.count);
            average.nanos = average.nanos.saturating_add(kept.nanos);
        }
        average
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn second(at: u64, count: u32, nanos: u64) -> Second {
        Second { at, count, nanos }
    }

    #[test]
    fn a_new_second_gives_back_the_one_before() {
        let mut current = Second::default();
        assert!(current.record(7, 100).is_none());
        assert!(current.record(7, 50).is_none());
        let done = current.record(8, 1).expect("second 7 is done");
        assert_eq!((done.at, done.count, done.nanos), (7, 2, 150));
        assert!(current.take().is_some());
        assert!(current.take().is_none(), "taken once");
    }

    #[test]
    fn an_average_forgets_what_left_its_window() {
        let mut window = Window::new();
        window.add(second(1000, 1, 9_000));
        window.add(second(1030, 1, 1_000));
        assert_eq!(
            window.average(1059, MINUTE).time(),
            Some(Duration::from_micros(5))
        );
        assert_eq!(
            window.average(1060, MINUTE).time(),
            Some(Duration::from_micros(1))
        );
        assert_eq!(window.average(1090, MINUTE).time(), None);
        assert_eq!(
            window.average(1090, 15 * MINUTE).time(),
            Some(Duration::from_micros(5))
        );
    }

    #[test]
    fn a_late_second_goes_where_it_belongs_and_a_too_late_one_nowhere() {
        let mut window = Window::new();
        window.add(second(2000, 1, 10));
        window.add(second(1999, 1, 20));
        window.add(second(2000 - KEPT, 1, 1_000_000));
        let average = window.average(2000, 15 * MINUTE);
        assert_eq!((average.count, average.nanos), (2, 30));
    }

    #[test]
    fn the_average_is_that_of_the_recorded_samples_for_every_window_and_moment() {
        // A deterministic walk through forty minutes, compared with summing the samples again.
        let mut samples = Vec::new();
        let (mut window, mut current, mut now, mut seed) =
            (Window::new(), Second::default(), 10_000_u64, 1_u64);
        for _ in 0..5_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            now += (seed >> 62) & 1;
            let nanos = (seed >> 40) & 0xffff;
            samples.push((now, nanos));
            if let Some(done) = current.record(now, nanos) {
                window.add(done);
            }
        }
        if let Some(rest) = current.take() {
            window.add(rest);
        }
        for length in [60, 300, 900] {
            let inside = samples.iter().filter(|(at, _)| *at > now - length);
            let (count, sum) = inside.fold((0, 0), |(n, sum), (_, nanos)| (n + 1, sum + nanos));
            let average = window.average(now, Duration::from_secs(length));
            assert_eq!((average.count, average.nanos), (count, sum));
        }
    }
}

//! How busy a worker was over the last minute, from samples.

/// Length of the window in seconds.
const WINDOW: u64 = 60;

/// The samples of a worker in each second of the last minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Utilization {
    seconds: Vec<Samples>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Samples {
    second: u64,
    all: u32,
    busy: u32,
}

impl Utilization {
    /// Adds a sample.
    pub(super) fn add(&mut self, second: u64, is_busy: bool) {
        if self.seconds.is_empty() {
            self.seconds = vec![Samples::default(); usize::try_from(WINDOW).unwrap_or(60)];
        }
        let place = usize::try_from(second % WINDOW).unwrap_or(0);
        if let Some(samples) = self.seconds.get_mut(place) {
            if samples.second != second {
                *samples = Samples {
                    second,
                    ..Samples::default()
                };
            }
            samples.all = samples.all.saturating_add(1);
            samples.busy = samples.busy.saturating_add(u32::from(is_busy));
        }
    }

    /// Share of the samples in the last minute in which the worker was busy, from 0 to 1. `None` if
    /// there are no samples.
    pub(super) fn share(&self, now: u64) -> Option<f64> {
        let is_recent = |samples: &&Samples| {
            now.checked_sub(samples.second)
                .is_some_and(|ago| ago < WINDOW)
        };
        let recent = self.seconds.iter().filter(is_recent);
        let (all, busy) = recent.fold((0_u32, 0_u32), |(all, busy), samples| {
            (
                all.saturating_add(samples.all),
                busy.saturating_add(samples.busy),
            )
        });
        (all > 0).then(|| f64::from(busy) / f64::from(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds 3.59 of docs/admin-api.md.
    #[test]
    fn utilization_is_the_share_of_busy_samples_in_the_last_minute() {
        let mut utilization = Utilization::default();
        assert_eq!(utilization.share(1_000), None);
        for second in 1_000..1_010 {
            utilization.add(second, true);
            utilization.add(second, second % 2 == 0);
        }
        assert_eq!(utilization.share(1_009), Some(0.75));
        assert_eq!(utilization.share(1_061), Some(0.75), "all but two seconds");
        utilization.add(1_100, false);
        assert_eq!(
            utilization.share(1_100),
            Some(0.0),
            "the busy seconds are over"
        );
    }
}

//! The window compared with exact computation on recorded samples, for several shapes of traffic,
//! in simulated time.

use std::time::Duration;

use super::merged::Merged;
use super::shard::{EndedTask, StatsShard};
use super::{Measure, Outcome, Recent, RouteStats, ShardIndex, WINDOWS};
use crate::clock::Instant;
use crate::sync::Mutex;
use crate::units;

/// The shards and the window of a route, and all samples.
struct Simulation {
    shards: Vec<StatsShard>,
    merged: Mutex<Merged>,
    samples: Vec<(u64, u64)>,
    seed: u64,
    now: u64,
}

impl Simulation {
    fn new() -> Self {
        Simulation {
            shards: (0..16).map(|_| StatsShard::new()).collect(),
            merged: Mutex::new(Merged::new()),
            samples: Vec::new(),
            seed: 1,
            now: 10_000,
        }
    }

    /// A number below `end`.
    fn random(&mut self, end: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) % end
    }

    /// A log-normal time around `middle`, like the response times of most services.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "any time works"
    )]
    fn log_normal(&mut self, middle: f64, spread: f64) -> u64 {
        let bell: u64 = (0..4).map(|_| self.random(1 << 20)).sum();
        let bell = (bell as f64 / f64::from(1 << 20) - 2.0) * 3_f64.sqrt();
        (middle * (bell * spread).exp()) as u64
    }

    /// Begins and answers a request now, in a random shard.
    fn answer(&mut self, nanos: u64) {
        let second = self.now;
        let index = usize::try_from(self.random(16)).expect("small");
        let shard = &self.shards[index];
        shard.begin(second, &self.merged);
        let task = EndedTask {
            outcome: Outcome::Completed,
            status: None,
            second,
            nanos,
        };
        shard.end(task, &self.merged);
        self.samples.push((second, nanos));
    }

    fn read(&self) -> [Recent; WINDOWS.len()] {
        let mut window = self.merged.lock().window.clone();
        for second in self.shards.iter().map(StatsShard::current) {
            if !second.is_empty() {
                window.add(&second);
            }
        }
        window.read(self.now, Duration::ZERO)
    }

    /// The response times of the last `seconds` seconds.
    fn exact(&self, seconds: u64) -> Vec<u64> {
        let first = self.now.saturating_sub(seconds);
        let inside = self.samples.iter().rev().take_while(|(at, _)| *at > first);
        inside.map(|(_, nanos)| *nanos).collect()
    }

    /// Compares all measures with the exact ones. Percentiles may be those of windows that are
    /// longer by up to `delay` percent; zero if every second has its own block.
    fn check(&self, delay: u64) {
        let recent = self.read();
        #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
        for (recent, window) in recent.iter().zip(WINDOWS) {
            let times = self.exact(window);
            let sum: u64 = times.iter().sum();
            let average = sum.checked_div(times.len() as u64);
            assert_eq!(nanos(recent, Measure::Average), average);
            assert_eq!(nanos(recent, Measure::Longest), times.iter().copied().max());
            let begun = recent.rate() * Duration::from_secs(window - 1).as_secs_f64();
            assert!((begun - times.len() as f64).abs() < 0.01, "{begun}");
            let longest = window * delay / 100;
            let fits = |later| self.is_exact(recent, window + later);
            assert!(
                (0..=longest).any(fits),
                "{window} seconds until {}: {recent:?}",
                self.now
            );
        }
    }

    /// True if the percentiles are those of the last `seconds` seconds, within 1 %.
    fn is_exact(&self, recent: &Recent, seconds: u64) -> bool {
        let mut times = self.exact(seconds);
        let measures = [(50, Measure::P50), (90, Measure::P90), (99, Measure::P99)];
        measures.into_iter().all(|(share, measure)| {
            let rank = (times.len() * share).div_ceil(100);
            let exact = rank
                .checked_sub(1)
                .map(|place| *times.select_nth_unstable(place).1);
            match (nanos(recent, measure), exact) {
                (Some(got), Some(exact)) => got.abs_diff(exact) * 100 <= exact,
                (got, exact) => got == exact,
            }
        })
    }
}

fn nanos(recent: &Recent, measure: Measure) -> Option<u64> {
    recent.time(measure).map(units::nanos)
}

const MILLISECOND: u64 = 1_000_000;

#[test]
fn a_window_without_requests_has_no_measures() {
    Simulation::new().check(0);
}

#[test]
fn a_few_requests_an_hour() {
    let mut simulation = Simulation::new();
    for _ in 0..40 {
        simulation.now += simulation.random(200);
        let nanos = simulation.random(4_000 * 1_000 * MILLISECOND) + 1_000;
        simulation.answer(nanos);
        for wait in [0, 1, 58, 1, 1, 250] {
            simulation.now += wait;
            simulation.check(0);
        }
    }
    simulation.now += 2_000;
    simulation.check(0);
}

#[test]
fn a_hundred_requests_a_second() {
    let mut simulation = Simulation::new();
    for second in 0..2_000 {
        simulation.now += 1;
        for _ in 0..100 {
            let nanos = simulation.log_normal(2e7, 0.5);
            simulation.answer(nanos);
        }
        if second % 167 == 0 {
            simulation.check(0);
        }
    }
}

#[test]
fn bursts_between_pauses() {
    let mut simulation = Simulation::new();
    for burst in 0..30 {
        simulation.now += 1 + simulation.random(90);
        let middle = 1e5 * f64::from(1 << (burst % 12));
        for _ in 0..2_000 {
            let nanos = simulation.log_normal(middle, 0.1);
            simulation.answer(nanos);
        }
        simulation.check(0);
        simulation.now += 59;
        simulation.check(0);
        simulation.now += 1;
        simulation.check(0);
    }
}

#[test]
fn shards_that_move_their_counts_late() {
    let mut simulation = Simulation::new();
    for second in 0..3_000 {
        simulation.now += 1;
        // Most shards are idle for many seconds, and all of them for hours at the end.
        if simulation.random(4) == 0 {
            let nanos = simulation.log_normal(3e6, 1.0);
            simulation.answer(nanos);
        }
        if second % 211 == 0 {
            simulation.check(0);
        }
    }
    simulation.now += 7_200;
    simulation.answer(MILLISECOND);
    simulation.check(0);
}

#[test]
fn response_times_from_a_microsecond_to_an_hour_in_every_second() {
    let mut simulation = Simulation::new();
    for second in 0..2_500 {
        simulation.now += 1;
        for _ in 0..40 {
            let octave = simulation.random(32);
            let nanos = (1_000 << octave) + simulation.random(1_000 << octave);
            simulation.answer(nanos.min(3_600_000 * MILLISECOND));
        }
        if second % 249 == 0 {
            simulation.check(3);
        }
    }
}

#[test]
fn more_answers_than_fit_the_buffer() {
    let mut simulation = Simulation::new();
    for second in 0..1_200 {
        simulation.now += 1;
        let middle = 1e6 * f64::from(1 + second % 400);
        for _ in 0..300 {
            let nanos = simulation.log_normal(middle, 1.2);
            simulation.answer(nanos);
        }
        if second % 133 == 132 {
            simulation.check(10);
        }
    }
}

#[test]
fn reading_the_statistics_does_not_change_them() {
    let stats = RouteStats::new();
    for _ in 0..3 {
        stats.recent();
    }
    let now = Instant::now();
    assert!(stats.is_idle(now), "so the window is not copied");
    stats.count(ShardIndex::new(0), Outcome::Preempted, None, now);
    stats.recent();
    assert!(!stats.is_idle(now));
}

#[test]
fn threads_with_and_without_a_shard_add_up() {
    let stats = RouteStats::new();
    let now = Instant::now();
    let indices = (0..20).map(ShardIndex::new).chain([ShardIndex::SHARED]);
    for index in indices.clone() {
        stats.begin(index, now);
    }
    assert_eq!(stats.active(), 21);
    for index in indices {
        stats.end(index, Outcome::Completed, None, (now, now));
    }
    let snapshot = stats.snapshot();
    assert_eq!((snapshot.active, snapshot.ended.answers()), (0, 21));
    let [minute, ..] = stats.recent();
    assert_eq!(minute.begun(), 21);
}

//! Rounds: all contenders take turns in short rounds, and each is compared with the plain one of
//! its round, so that noise affects both. Prints medians and quartiles over the rounds.

use std::hint::black_box;
use std::time::Instant;

use axum::Router;

use crate::Group;

/// The quartiles of many numbers.
#[derive(Clone, Copy, Debug)]
pub struct Quartiles {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Quartiles {
    /// # Panics
    ///
    /// If there are no samples.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        let at = |quarters: usize| samples[(samples.len() - 1) * quarters / 4];
        Quartiles {
            low: at(1),
            median: at(2),
            high: at(3),
        }
    }
}

/// Nanoseconds per unit over `calls` calls. Not inlined: callgrind counts from its begin to its
/// end.
#[inline(never)]
pub fn time(app: &mut Router, group: &Group, calls: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(crate::request::run(app, black_box((group.request)())));
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(calls * group.units)
}

/// Nanoseconds per unit: for each round one number per contender.
fn play(group: &mut Group, rounds: usize) -> Vec<Vec<f64>> {
    let mut contenders = std::mem::take(&mut group.contenders);
    let count = contenders.len();
    let mut play = |round: usize| {
        let mut times = vec![0.0; count];
        for turn in 0..count {
            // The first contender finds colder caches, so they take turns at that, too.
            let turn = (turn + round) % count;
            times[turn] = time(&mut contenders[turn].app, group, group.calls);
        }
        times
    };
    // The first round performs one-time allocations.
    play(0);
    let times = (0..rounds).map(play).collect();
    group.contenders = contenders;
    times
}

/// Measures all contenders of a group, and prints its table.
pub fn compare(mut group: Group, rounds: usize) {
    let times = play(&mut group, rounds);
    report(&group, &times);
}

/// Calls one contender. `whom` is a group's key, a slash and a contender.
///
/// # Panics
///
/// If there is none of that name.
pub fn only(groups: Vec<Group>, whom: &str, calls: u32) {
    let (key, who) = whom
        .split_once('/')
        .expect("a group, a slash and a contender");
    let mut groups = groups.into_iter();
    let mut group = groups
        .find(|group| group.key == key)
        .expect("a group's key");
    let mut contenders = std::mem::take(&mut group.contenders).into_iter();
    let mut contender = contenders
        .find(|contender| contender.who == who)
        .expect("a contender of that group");
    time(&mut contender.app, &group, calls);
}

/// Prints the table of a group.
fn report(group: &Group, times: &[Vec<f64>]) {
    println!(
        "\n{}\n  {:<22} {:>9} {:>9} {:>20} {:>6}",
        group.what, "", "median", "more", "quartiles of more", "ratio"
    );
    for (at, contender) in group.contenders.iter().enumerate() {
        let median = Quartiles::of(times.iter().map(|round| round[at])).median;
        let more = Quartiles::of(times.iter().map(|round| round[at] - round[0]));
        let ratio = Quartiles::of(times.iter().map(|round| round[at] / round[0]));
        println!(
            "  {:<22} {median:>6.1} ns {:>6.1} ns {:>8.1}..{:>6.1} ns {:>6.2}",
            contender.who, more.median, more.low, more.high, ratio.median
        );
    }
}

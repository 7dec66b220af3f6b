//! What a second worker thread costs the first one on the same route: nanoseconds of a request with two
//! threads at it over those with one, for the plain handler and the annotated one.
//!
//! The plain ratio is what the machine and axum make of two threads: where its cores share something,
//! it is above 1 by itself.

use std::sync::Barrier;
use std::thread;

use underscore_bench::rounds::{Quartiles, time};
use underscore_bench::{Group, admin, pairs};

const ROUNDS: usize = 200;
const CALLS: u32 = 5_000;

fn main() {
    let _admin = admin();
    let mut request = pairs().swap_remove(0);
    request
        .contenders
        .retain(|contender| ["plain", "annotated"].contains(&contender.who));
    // Both, with one thread and with two, take turns; what is compared was measured within a round.
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..=ROUNDS {
        let mut costs = [[0.0; 2]; 2];
        for turn in 0..4 {
            let turn = (turn + round) % 4;
            let (who, threads) = (turn / 2, turn % 2);
            costs[who][threads] = cost(&request, who, threads + 1);
        }
        // The first round allocates what is allocated once.
        if round > 0 {
            rounds.push(costs);
        }
    }
    report(&request, &rounds);
}

/// Nanoseconds of a request, the mean of so many threads that begin together. Each has its own clone of
/// the router, as each connection has.
fn cost(group: &Group, who: usize, threads: usize) -> f64 {
    let barrier = Barrier::new(threads);
    let nanos: Vec<f64> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut app = group.contenders[who].app.clone();
                    barrier.wait();
                    time(&mut app, group, CALLS)
                })
            })
            .collect();
        let join = |worker: thread::ScopedJoinHandle<f64>| worker.join().expect("a worker");
        workers.into_iter().map(join).collect()
    });
    nanos.iter().sum::<f64>() / f64::from(u32::try_from(threads).expect("few"))
}

fn report(group: &Group, rounds: &[[[f64; 2]; 2]]) {
    println!(
        "{:<12} {:>11} {:>12} {:>6} {:>12}",
        "a request", "one thread", "two threads", "ratio", "quartiles"
    );
    for (who, contender) in group.contenders.iter().enumerate() {
        let [one, two] = [0, 1]
            .map(|threads| Quartiles::of(rounds.iter().map(|costs| costs[who][threads])).median);
        let ratio = Quartiles::of(rounds.iter().map(|costs| costs[who][1] / costs[who][0]));
        println!(
            "{:<12} {one:>8.1} ns {two:>9.1} ns {:>6.2} {:>6.2}..{:.2}",
            contender.who, ratio.median, ratio.low, ratio.high
        );
    }
    let [one, two] = [0, 1].map(|threads| {
        Quartiles::of(
            rounds
                .iter()
                .map(|[plain, annotated]| annotated[threads] - plain[threads]),
        )
    });
    println!(
        "the attribute's own part: {:.1} ns with one thread, {:.1} ns with two",
        one.median, two.median
    );
}

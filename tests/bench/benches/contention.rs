//! Cost of a second thread on the same route: nanoseconds per request with two threads relative to
//! one, for the plain and the annotated handler. The plain ratio shows the share of the machine and
//! of axum: it is above 1 if the cores share resources.

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
    // Contenders with one and with two threads take turns; each comparison is within a round.
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..=ROUNDS {
        let mut costs = [[0.0; 2]; 2];
        for turn in 0..4 {
            let turn = (turn + round) % 4;
            let (who, threads) = (turn / 2, turn % 2);
            costs[who][threads] = cost(&request, who, threads + 1);
        }
        // The first round performs one-time allocations.
        if round > 0 {
            rounds.push(costs);
        }
    }
    report(&request, &rounds);
}

/// Mean nanoseconds per request of `threads` threads that begin together. Each has its own clone of
/// the router, like each connection.
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

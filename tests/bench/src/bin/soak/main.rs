//! Soak test: a service under mixed traffic for a long time, with disconnecting clients, panics,
//! streams, sockets and background work, and an admin API that reads and changes continuously.
//! Afterwards nothing may remain, and the memory of the second and the last third must match.
//! Remaining data is read from the admin API and `/proc/self`: Linux only. `tests/bench/soak` runs
//! it.

mod admin;
mod http;
mod process;
mod random;
mod service;
mod traffic;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use underscore_runtime::AdminBuilder;

use crate::process::Process;
use crate::random::Random;

/// Client loops of the service, each of which rests between two requests.
const CLIENTS: u64 = 24;
/// Client loops of the admin API.
const OPERATORS: u64 = 4;
/// Tolerance for memory of the last third over the second: fragmentation, and pages first touched
/// by statistics of single seconds.
const MORE_MEMORY: u64 = 2 << 20;
const MORE_MEMORY_PERCENT: u64 = 5;
/// Time limit for everything to end after the traffic stopped.
const PATIENCE: Duration = Duration::from_secs(40);

/// Counters of the traffic itself.
#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    left: AtomicU64,
    reads: AtomicU64,
    changes: AtomicU64,
}

/// State shared by all loops.
struct Soak {
    service: std::net::SocketAddr,
    socket: std::path::PathBuf,
    counts: Counts,
    paused: AtomicBool,
    over: AtomicBool,
}

impl Soak {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// Waits while the traffic pauses.
    async fn rest(&self) {
        while self.paused.load(Ordering::Relaxed) && self.goes_on() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::main(worker_threads = 4)]
async fn main() -> ExitCode {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>());
    let (seconds, seed) = match (arguments.next(), arguments.next()) {
        (None, None) => (1800, random::seed()),
        (Some(Ok(seconds @ 30..=86_400)), None) => (seconds, random::seed()),
        (Some(Ok(seconds @ 30..=86_400)), Some(Ok(seed))) => (seconds, seed),
        _ => {
            eprintln!("usage: soak [SECONDS, 30 to 86400] [SEED]");
            return ExitCode::from(2);
        }
    };
    println!("{seconds} seconds, seed {seed}");
    // Silences the intended panics; all others are printed.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref() != Some(&service::MEANT) {
            usual(panic);
        }
    }));

    // A settings file is loaded only from a directory that is not writable for group, whatever the
    // umask is.
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let directory = tempfile::Builder::new().permissions(private).tempdir();
    let directory = directory.expect("a directory can be made");
    let settings = directory.path().join("settings.json");
    let admin = AdminBuilder::new().settings_file(&settings);
    let admin = admin
        .serve(directory.path().join("soak.sock"))
        .expect("the socket is bound");
    let soak = Arc::new(Soak {
        service: service::start().await,
        socket: admin.path().to_owned(),
        counts: Counts::default(),
        paused: AtomicBool::new(false),
        over: AtomicBool::new(false),
    });
    let failures = run(&soak, Duration::from_secs(seconds), seed).await;
    admin.shutdown().await;
    if failures.is_empty() {
        println!("ok");
        return ExitCode::SUCCESS;
    }
    for failure in &failures {
        println!("FAILED: {failure}");
    }
    println!("to repeat it: tests/bench/soak {seconds} {seed}");
    drop(directory);
    // At once: remaining work may block a thread forever, and a runtime waits for its threads.
    std::process::exit(1)
}

/// Runs the traffic; returns the violations.
async fn run(soak: &Arc<Soak>, length: Duration, seed: u64) -> Vec<String> {
    // The audit keeps a thousand records: it is full from the start, and does not grow.
    admin::fill_the_audit(soak).await;
    let clients = (0..CLIENTS)
        .map(|each| tokio::spawn(traffic::run(Arc::clone(soak), Random::new(seed + each))));
    let operators = (0..OPERATORS).map(|each| {
        tokio::spawn(admin::run(
            Arc::clone(soak),
            Random::new(seed + CLIENTS + each),
        ))
    });
    let loops: Vec<_> = clients.chain(operators).collect();

    let third = length / 3;
    sample(third, &mut Vec::new()).await;
    // Descriptors and threads without requests, before the remaining traffic.
    soak.paused.store(true, Ordering::Relaxed);
    let mut failures = admin::wait_for_rest(soak).await;
    // Short-lived resources of this process's clients are gone by then.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let warm = Process::now();
    soak.paused.store(false, Ordering::Relaxed);

    let (mut second, mut last) = (Vec::new(), Vec::new());
    sample(third, &mut second).await;
    sample(third, &mut last).await;
    soak.over.store(true, Ordering::Relaxed);
    for one in loops {
        if let Err(error) = one.await {
            failures.push(format!("a loop of clients ended: {error}"));
        }
    }
    failures.extend(admin::wait_for_rest(soak).await);
    failures.extend(admin::wrong_counts(soak).await);
    failures.extend(wait_for_no_more_than(&warm).await);

    let Counts {
        requests,
        left,
        reads,
        changes,
    } = &soak.counts;
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "{} requests, {} of their clients left early; {} reads, {} changes",
        of(requests),
        of(left),
        of(reads),
        of(changes)
    );
    let tenths = [&second[..], &last].concat();
    let tenths = tenths.chunks(tenths.len().div_ceil(10));
    let tenths: Vec<u64> = tenths.map(|tenth| median(tenth.to_vec()) >> 10).collect();
    println!("resident, in kB, by tenths of both thirds: {tenths:?}");
    let (second, last) = (median(second), median(last));
    let most = second + MORE_MEMORY + second * MORE_MEMORY_PERCENT / 100;
    println!(
        "resident: {} kB in the second third, {} kB in the last, at most {} kB",
        second >> 10,
        last >> 10,
        most >> 10
    );
    if last > most {
        failures.push(format!(
            "the memory grows: {} kB more",
            (last - second) >> 10
        ));
    }
    failures
}

/// Records the resident memory four times a second.
async fn sample(length: Duration, into: &mut Vec<u64>) {
    let end = Instant::now() + length;
    while Instant::now() < end {
        into.push(process::resident());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn median(mut samples: Vec<u64>) -> u64 {
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}

/// Waits until there are no more descriptors and threads than before. Some threads exit later by
/// themselves.
async fn wait_for_no_more_than(warm: &Process) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = Process::now();
        let more = now.more_than(warm);
        if more.is_empty() || Instant::now() > deadline {
            println!(
                "descriptors: {} warm, {} at the end; threads: {} and {}",
                warm.descriptors.len(),
                now.descriptors.len(),
                warm.threads.len(),
                now.threads.len()
            );
            return more;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

//! What the attribute costs: one in-process `Router` call of a handler, annotated and not annotated,
//! side by side in one run, and the difference. `cargo bench -p underscore-runtime`.
//!
//! The two take turns in short rounds, and the difference is taken within each round, so that a noisy
//! neighbour hits both; the median of the rounds is printed.

use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::get;
use tower::Service;
use underscore_runtime::underscore_route;

const ROUNDS: usize = 400;
const CALLS: u32 = 2_000;
const POLLS: u32 = 1_000;

/// Returns `Pending` a number of times, and wakes nobody: the benchmark polls by hand.
struct Pending(u32);

impl Future for Pending {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        Poll::Pending
    }
}

async fn plain() -> &'static str {
    "ok"
}

#[underscore_route]
async fn annotated() -> &'static str {
    "ok"
}

async fn plain_state(State(state): State<&'static str>) -> &'static str {
    state
}

#[underscore_route]
async fn annotated_state(State(state): State<&'static str>) -> &'static str {
    state
}

async fn plain_waits() -> &'static str {
    Pending(POLLS).await;
    "ok"
}

#[underscore_route]
async fn annotated_waits() -> &'static str {
    Pending(POLLS).await;
    "ok"
}

async fn plain_steps() -> &'static str {
    for _ in 0..POLLS {
        Pending(1).await;
    }
    "ok"
}

#[underscore_route]
async fn annotated_steps() -> &'static str {
    for _ in 0..POLLS {
        Pending(1).await;
    }
    "ok"
}

fn app() -> Router {
    Router::new()
        .route("/plain", get(plain))
        .route("/annotated", get(annotated))
        .route("/plain/state", get(plain_state))
        .route("/annotated/state", get(annotated_state))
        .route("/plain/waits", get(plain_waits))
        .route("/annotated/waits", get(annotated_waits))
        .route("/plain/steps", get(plain_steps))
        .route("/annotated/steps", get(annotated_steps))
        .with_state("ok")
}

/// Runs one request to its end, polling by hand.
fn call(app: &mut Router, path: &'static str) {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = axum::http::Uri::from_static(path);
    let mut context = Context::from_waker(Waker::noop());
    let mut response = pin!(Service::<Request>::call(app, request));
    while response.as_mut().poll(&mut context).is_pending() {}
}

/// Nanoseconds per unit of `units` in `calls` calls.
fn time(app: &mut Router, path: &'static str, calls: u32, units: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        call(app, black_box(path));
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(calls * units)
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn compare(pair: &Pair) {
    let &Pair {
        what,
        plain,
        annotated,
        calls,
        units,
    } = pair;
    let mut app = app();
    let mut rounds: Vec<(f64, f64)> = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let mut one = |path| time(&mut app, path, calls, units);
        // Whoever comes first finds colder caches: they take turns at that as well.
        rounds.push(if round % 2 == 0 {
            (one(plain), one(annotated))
        } else {
            let annotated = one(annotated);
            (one(plain), annotated)
        });
    }
    let base = median(rounds.iter().map(|(plain, _)| *plain).collect());
    let more = median(
        rounds
            .iter()
            .map(|(plain, annotated)| annotated - plain)
            .collect(),
    );
    println!(
        "{what:<36} {base:>8.1} ns  +{more:>6.1} ns  x{:.2}",
        (base + more) / base
    );
}

/// A row of the result: a handler that is not annotated, and the same one that is.
struct Pair {
    what: &'static str,
    plain: &'static str,
    annotated: &'static str,
    calls: u32,
    /// What one call does this many times.
    units: u32,
}

const PAIRS: [Pair; 4] = [
    Pair {
        what: "a request, no argument",
        plain: "/plain",
        annotated: "/annotated",
        calls: CALLS,
        units: 1,
    },
    Pair {
        what: "a request, one State",
        plain: "/plain/state",
        annotated: "/annotated/state",
        calls: CALLS,
        units: 1,
    },
    Pair {
        what: "a further poll of one await",
        plain: "/plain/waits",
        annotated: "/annotated/waits",
        calls: 10,
        units: POLLS,
    },
    Pair {
        what: "a further poll, another await each",
        plain: "/plain/steps",
        annotated: "/annotated/steps",
        calls: 10,
        units: POLLS,
    },
];

fn main() {
    // Calibrates the clock in the background, as `serve_admin` does.
    let _router = underscore_runtime::admin_router();
    std::thread::sleep(Duration::from_millis(300));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // `cargo test --benches` only asks whether it runs.
        [.., "--test"] => {}
        // For callgrind and perf: one path, so many calls, nothing else.
        ["--only", path, calls, ..] => {
            let calls: u32 = calls.parse().expect("a number of calls");
            time(&mut app(), path.to_owned().leak(), calls, 1);
        }
        _ => {
            println!("{:<36} {:>11}  {:>10}", "", "plain", "annotated");
            PAIRS.iter().for_each(compare);
        }
    }
}

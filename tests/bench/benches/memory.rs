//! Memory cost of the attribute: additional bytes of a request in flight, bytes of a route from its
//! first request, and bytes that remain after a burst. Counts bytes allocated and not freed, by any
//! thread, without the allocator's own overhead. The numbers are the same in each run.

use std::alloc::System;
use std::convert::Infallible;
use std::fmt;
use std::hint::black_box;
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Waker};

use axum::Router;
use axum::extract::Request;
use axum::routing::future::RouteFuture;
use axum::routing::{MethodRouter, get};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tower::Service;
use underscore_bench::handlers::{
    annotated, annotated_held, annotated_held_order, annotated_poll, plain, plain_held,
    plain_held_order,
};
use underscore_bench::{admin, request};
use underscore_runtime::underscore_route;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Budget for additional bytes of a request in flight, without and with stored texts of the client.
const REQUEST: i64 = 600;
const REQUEST_WITH_TEXTS: i64 = 800;
/// Budget for a route.
const ROUTE: i64 = 64 * 1024;
/// Budget for what remains of each request of a burst, reused by later ones.
const KEPT: i64 = 512;

/// Bytes allocated now.
fn held() -> i64 {
    let stats = ALLOCATOR.stats();
    let [given, back] = [stats.bytes_allocated, stats.bytes_deallocated]
        .map(|bytes| i64::try_from(bytes).expect("less than all of memory"));
    given - back
}

/// A separate handler, whose route has had no request yet.
#[underscore_route]
async fn untouched() -> &'static str {
    "ok"
}

/// A request held in flight, and its budget.
struct Case {
    what: &'static str,
    request: fn() -> Request,
    plain: fn() -> Router,
    annotated: fn() -> Router,
    most: i64,
}

const CASES: [Case; 3] = [
    Case {
        what: "GET / and no header",
        request: request::bare,
        plain: || app("/", get(plain_held)),
        annotated: || app("/", get(annotated_held)),
        most: REQUEST,
    },
    Case {
        what: "a query and nine headers",
        request: request::typical,
        plain: || app("/orders/{id}", get(plain_held)),
        annotated: || app("/orders/{id}", get(annotated_held)),
        most: REQUEST_WITH_TEXTS,
    },
    Case {
        what: "the same, and an argument",
        request: request::typical,
        plain: || app("/orders/{id}", get(plain_held_order)),
        annotated: || app("/orders/{id}", get(annotated_held_order)),
        most: REQUEST_WITH_TEXTS,
    },
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--case", number, count] => {
            let _admin = admin();
            let case = &CASES[number.parse::<usize>().expect("a number")];
            let count = count.parse().expect("a number");
            println!("{}", measure(case, count));
        }
        _ => report(),
    }
}

fn report() {
    println!(
        "a request in flight, in bytes more than the plain one, and what of it stays after a burst"
    );
    for (number, Case { what, most, .. }) in CASES.iter().enumerate() {
        for count in ["1000", "100000"] {
            // In a separate process, because one burst leaves slots that the next reuses.
            let measured = Command::new(std::env::current_exe().expect("it is known"))
                .args(["--case", &number.to_string(), count])
                .output()
                .expect("it runs");
            assert!(measured.status.success(), "{measured:?}");
            let text = String::from_utf8(measured.stdout).expect("numbers");
            let numbers: Vec<i64> = text
                .split_whitespace()
                .map(|number| number.parse().expect("a number"))
                .collect();
            let [plain, more, kept] = numbers[..] else {
                panic!("three numbers, not {text:?}");
            };
            println!(
                "  {what:<26} {count:>6} at once, {plain:>5} plain: {}, kept {}",
                Against(more, *most),
                Against(kept, KEPT)
            );
        }
    }
    route();
}

/// For a burst of requests: bytes of each plain one, additional bytes of each annotated one, and
/// bytes per request that remain after all have ended.
fn measure(case: &Case, count: usize) -> String {
    let plain = in_flight(&(case.plain)(), case.request, count);
    let mut app = (case.annotated)();
    // One-time allocations of the route are not counted.
    drop(hold(&mut app, case.request));
    let before = held();
    let annotated = in_flight(&app, case.request, count);
    let each = |since: i64| (held() - since) / i64::try_from(count).expect("few");
    let kept = each(before);
    let again = held();
    in_flight(&app, case.request, count);
    // Up to a batch of slots may be others, without space for texts yet.
    assert!(
        each(again) < 32,
        "a second burst finds what the first one left"
    );
    format!("{plain} {} {kept}", annotated - plain)
}

fn route() {
    let _admin = admin();
    println!("a route, in bytes (at most {ROUTE})");
    let base = once(Router::new().route("/", get(plain)));
    // The thread's first slots belong to no route.
    once(Router::new().route("/", get(annotated_poll)));
    let mut app = Router::new().route("/", get(untouched));
    let before = held();
    drop(black_box(request::run(&mut app, request::bare())));
    println!(
        "  after its first request {}",
        Against(held() - before - base, ROUTE)
    );
    for _ in 0..200_000 {
        drop(black_box(request::run(&mut app, request::bare())));
    }
    println!(
        "  after 200 000 more      {}",
        Against(held() - before - base, ROUTE)
    );
    let again = once(Router::new().route("/", get(annotated)));
    println!("  of which a second route {}", Against(again, ROUTE));
}

fn app(path: &str, method: MethodRouter) -> Router {
    Router::new().route(path, method)
}

/// Bytes that remain after a first request.
fn once(mut app: Router) -> i64 {
    let before = held();
    drop(black_box(request::run(&mut app, request::bare())));
    held() - before
}

/// Bytes per request in flight, for this many at a time.
fn in_flight(app: &Router, request: fn() -> Request, count: usize) -> i64 {
    let mut app = app.clone();
    let mut responses = Vec::with_capacity(count);
    let before = held();
    responses.extend((0..count).map(|_| hold(&mut app, request)));
    (held() - before) / i64::try_from(count).expect("few")
}

/// Begins a request that does not end.
fn hold(app: &mut Router, request: fn() -> Request) -> RouteFuture<Infallible> {
    let mut response = Service::<Request>::call(app, request());
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut response).poll(&mut context).is_pending());
    response
}

/// A number, and true if it is within its budget.
struct Against(i64, i64);

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.0 <= self.1 { "within" } else { "OVER" };
        write!(f, "{:>7} {verdict}", self.0)
    }
}

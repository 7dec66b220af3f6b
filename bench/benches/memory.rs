//! What the attribute costs in memory: bytes that a request in flight holds more than the same one of the
//! plain handler, and bytes of a route from its first request on.
//!
//! Counted are the bytes that are asked of the allocator and not given back, by any thread; what the
//! allocator itself adds to each block is not. The numbers are the same in each run.

use std::alloc::System;
use std::fmt;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Waker};

use axum::Router;
use axum::extract::Request;
use axum::routing::{MethodRouter, get};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tower::Service;
use underscore_bench::handlers::{
    annotated, annotated_held, annotated_held_order, plain, plain_held, plain_held_order,
};
use underscore_bench::{admin, request};
use underscore_runtime::underscore_route;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a request in flight may hold more, and what a route may hold.
const REQUEST: i64 = 800;
const ROUTE: i64 = 64 * 1024;

/// Bytes that are held now.
fn held() -> i64 {
    let stats = ALLOCATOR.stats();
    let [given, back] = [stats.bytes_allocated, stats.bytes_deallocated]
        .map(|bytes| i64::try_from(bytes).expect("less than all of memory"));
    given - back
}

/// A handler of its own, whose route has had no request yet.
#[underscore_route]
async fn untouched() -> &'static str {
    "ok"
}

fn main() {
    let _admin = admin();
    println!("a request in flight, in bytes more than the plain one (at most {REQUEST})");
    let order = "/orders/{id}";
    for (what, request, plain, annotated) in [
        (
            "GET / and no header",
            request::bare as fn() -> Request,
            app("/", get(plain_held)),
            app("/", get(annotated_held)),
        ),
        (
            "a query and nine headers",
            request::typical,
            app(order, get(plain_held)),
            app(order, get(annotated_held)),
        ),
        (
            "the same, and an argument",
            request::typical,
            app(order, get(plain_held_order)),
            app(order, get(annotated_held_order)),
        ),
    ] {
        for count in [100, 10_000] {
            let plain = in_flight(&plain, request, count);
            let more = Against(in_flight(&annotated, request, count) - plain, REQUEST);
            println!("  {what:<26} {count:>6} at once, {plain:>5} plain: {more}");
        }
    }
    println!("a route, in bytes (at most {ROUTE})");
    let base = once(Router::new().route("/", get(plain)));
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

/// What stays of a first request.
fn once(mut app: Router) -> i64 {
    let before = held();
    drop(black_box(request::run(&mut app, request::bare())));
    held() - before
}

/// Bytes per request of so many that are in flight at once. One has been there before, so that what the
/// route allocates once is not counted.
fn in_flight(app: &Router, request: fn() -> Request, count: usize) -> i64 {
    let mut app = app.clone();
    let mut context = Context::from_waker(Waker::noop());
    let mut begin = || {
        let mut response = Service::<Request>::call(&mut app, request());
        assert!(Pin::new(&mut response).poll(&mut context).is_pending());
        response
    };
    drop(begin());
    let mut responses = Vec::with_capacity(count);
    let before = held();
    responses.extend((0..count).map(|_| begin()));
    (held() - before) / i64::try_from(count).expect("few")
}

/// A number and whether it is within its budget.
struct Against(i64, i64);

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.0 <= self.1 { "within" } else { "OVER" };
        write!(f, "{:>7} {verdict}", self.0)
    }
}

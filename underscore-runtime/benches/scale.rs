//! Cost of reads at scale, with 100 000 requests in flight and 10 000 routes, their effect on
//! concurrent traffic, and the cost of the idle admin threads.
//! `cargo bench -p underscore-runtime --bench scale`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::routing::get;
use peak_alloc::PeakAlloc;
use tokio::sync::Semaphore;
use tower::ServiceExt;
use underscore_runtime::{admin_router, serve_admin, underscore_route};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const REQUESTS: usize = 100_000;
const ROUTES: usize = 10_000;
const FAST: usize = 1_000_000;

/// Duration of the idle measurement.
const IDLE: Duration = Duration::from_secs(10);

#[underscore_route(name = "waits")]
async fn waits(State(permits): State<Arc<Semaphore>>) {
    let _permit = permits.acquire().await;
}

#[underscore_route(name = "answers")]
async fn answers() -> &'static str {
    "ok"
}

#[underscore_route(name = "many")]
async fn many() {}

fn main() {
    idle();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be had");
    runtime.block_on(async {
        requests().await;
        routes().await;
    });
}

/// Start of the admin API, and CPU time of its idle threads.
fn idle() {
    let directory = tempfile::tempdir().expect("a directory");
    let start = Instant::now();
    let admin = serve_admin(directory.path().join("app.sock")).expect("it is served");
    println!("serve_admin: {:?}", start.elapsed());
    // The clock is calibrated meanwhile.
    std::thread::sleep(Duration::from_secs(1));
    let before = on_processor();
    std::thread::sleep(IDLE);
    let spent = on_processor().saturating_sub(before);
    let share = spent.as_secs_f64() / IDLE.as_secs_f64() * 100.0;
    println!("idle: {spent:?} of a processor in {IDLE:?}, {share:.3} %");
    admin.shutdown_blocking();
}

/// CPU time of all threads so far, as reported by Linux.
fn on_processor() -> Duration {
    on_processor_of(|_| true)
}

/// CPU time of the threads whose name is chosen.
fn on_processor_of(is_chosen: impl Fn(&str) -> bool) -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux");
    let spent = threads.filter_map(|thread| {
        let path = thread.ok()?.path();
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        let spent = text.split(' ').next()?.parse::<u64>().ok()?;
        is_chosen(name.trim()).then_some(spent)
    });
    Duration::from_nanos(spent.sum())
}

/// Share of a processor that the sampler takes while `work` lasts, in percent.
async fn share_of_sampler(work: impl Future<Output = ()>) -> f64 {
    // Names are truncated to 15 bytes.
    let spent = || on_processor_of(|name| "underscore-sampler".starts_with(name));
    let (before, start) = (spent(), Instant::now());
    work.await;
    let spent = spent().saturating_sub(before);
    spent.as_secs_f64() / start.elapsed().as_secs_f64() * 100.0
}

/// One handler at very many paths, each of which has had a request.
async fn routes() {
    let mut app = Router::new();
    let paths: Vec<String> = (0..ROUTES)
        .map(|number| format!("/many/{number}"))
        .collect();
    for path in &paths {
        app = app.route(path, get(many));
    }
    let before = MEMORY.current_usage();
    let start = Instant::now();
    for path in &paths {
        let request = Request::get(path).body(Body::empty()).expect("valid");
        let _ = app.clone().oneshot(request).await;
    }
    let held = (MEMORY.current_usage() - before) / ROUTES;
    println!(
        "{ROUTES} routes after {:?}, {held} bytes each",
        start.elapsed()
    );
    let admin = admin_router();
    for path in [
        "/_cat/routes",
        "/_cat/routes?s=active:desc&size=20",
        "/_cat/routes?h=path,p99_15m,rate1m",
        "/_routes/stats",
        "/_metrics",
    ] {
        ask(&admin, path).await;
    }
}

/// Very many ordinary requests, one after the other: they leave no memory and no record.
async fn fast(app: &Router, admin: &Router) {
    let call = async || {
        let request = Request::get("/answers").body(Body::empty()).expect("valid");
        let _ = app.clone().oneshot(request).await;
    };
    for _ in 0..10_000 {
        call().await;
    }
    let before = MEMORY.current_usage();
    let start = Instant::now();
    for _ in 0..FAST {
        call().await;
    }
    let after = MEMORY.current_usage();
    println!(
        "{FAST} fast requests in {:?}: {} bytes more, {} rows in _cat/ended",
        start.elapsed(),
        after.saturating_sub(before),
        text(admin, Method::GET, "/_cat/ended")
            .await
            .lines()
            .count()
    );
}

/// Very many requests of one handler, all waiting.
async fn requests() {
    let permits = Arc::new(Semaphore::new(0));
    let app = Router::new()
        .route("/waits", get(waits))
        .route("/answers", get(answers))
        .with_state(Arc::clone(&permits));
    let admin = admin_router();

    fast(&app, &admin).await;
    println!("traffic alone: {}", latency(&app, Duration::from_secs(2)));
    let before = MEMORY.current_usage();
    let start = Instant::now();
    for _ in 0..REQUESTS {
        let request = Request::get("/waits").body(Body::empty()).expect("valid");
        tokio::spawn(app.clone().oneshot(request));
    }
    while count(&admin).await < REQUESTS {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let held = (MEMORY.current_usage() - before) / REQUESTS;
    println!(
        "{REQUESTS} requests in flight after {:?}, {held} bytes each",
        start.elapsed()
    );

    drop(admin);
    sampler(&app).await;
    let admin = admin_router();
    for path in [
        "/_cat/awaits",
        "/_cat/ended",
        "/_cat/tasks?size=20",
        "/_cat/tasks?size=20&s=running_time:desc",
        "/_cat/stacks",
        "/_cat/routes",
        "/_cat/tasks",
        "/_cat/tasks?format=json",
        "/_tasks",
        "/_metrics",
    ] {
        ask(&admin, path).await;
    }
    let done = Arc::new(AtomicBool::new(false));
    let looking = tokio::task::spawn_blocking({
        let (admin, done) = (admin.clone(), Arc::clone(&done));
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let runtime = runtime.expect("a runtime");
            while !done.load(Ordering::Relaxed) {
                runtime.block_on(text(&admin, Method::GET, "/_cat/tasks?size=20"));
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    });
    println!(
        "traffic beside a look every 100 ms: {}",
        latency(&app, Duration::from_secs(2))
    );
    done.store(true, Ordering::Relaxed);
    let _ = looking.await;

    let start = Instant::now();
    let path = "/_routes/waits/interrupt?timeout=30s&filter_path=interrupted,still_running";
    let answer = text(&admin, Method::POST, path).await;
    println!("interrupt: {:?}, {answer}", start.elapsed());
}

/// The cost of the sampler with very many requests in flight, and the latency of others with and
/// without it, alternately, because the machine is noisy.
async fn sampler(app: &Router) {
    let two_seconds = Duration::from_secs(2);
    for _ in 0..3 {
        println!("without a sampler: {}", latency(app, two_seconds));
        let admin = admin_router();
        // It begins to watch them.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let measure = async { println!("with it: {}", latency(app, two_seconds)) };
        let share = share_of_sampler(measure).await;
        println!("sampler: {share:.2} % of a processor");
        let asked = admin.clone();
        let profile = tokio::spawn(async move {
            text(&asked, Method::GET, "/_profile?seconds=4").await;
        });
        let measure = async { println!("during a profile: {}", latency(app, two_seconds)) };
        let share = share_of_sampler(measure).await;
        println!("sampler during a profile: {share:.2} % of a processor");
        let _ = profile.await;
    }
}

/// Median and 99th percentile of sequential request times.
fn latency(app: &Router, time: Duration) -> String {
    let mut samples = Vec::new();
    let end = Instant::now() + time;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let runtime = runtime.expect("a runtime");
            runtime.block_on(async {
                while Instant::now() < end {
                    let request = Request::get("/answers").body(Body::empty()).expect("valid");
                    let start = Instant::now();
                    let _ = app.clone().oneshot(request).await;
                    samples.push(start.elapsed());
                }
            });
        });
    });
    samples.sort_unstable();
    let at = |share: usize| samples[samples.len() * share / 1000];
    format!("p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999))
}

async fn count(admin: &Router) -> usize {
    let path = "/_cat/routes/waits?h=active";
    text(admin, Method::GET, path)
        .await
        .trim()
        .parse()
        .unwrap_or(0)
}

async fn ask(admin: &Router, path: &str) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let start = Instant::now();
    let text = text(admin, Method::GET, path).await;
    let took = start.elapsed();
    let peak = MEMORY.peak_usage() - before;
    println!(
        "{path}: {took:?}, {} KB, at most {} KB held",
        text.len() / 1024,
        peak / 1024
    );
}

async fn text(admin: &Router, method: Method, path: &str) -> String {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Body::empty()).expect("valid");
    let response = admin.clone().oneshot(request).await.expect("it answers");
    let bytes = to_bytes(response.into_body(), usize::MAX)
        .await
        .expect("read");
    String::from_utf8_lossy(&bytes).into_owned()
}

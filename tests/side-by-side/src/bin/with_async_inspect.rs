//! The program with async-inspect, as its readme says: `#[async_inspect::trace]` on functions, its
//! locks in place of tokio's, its dashboard, and its detector of deadlocks.

#[path = "../incidents.rs"]
mod incidents;
#[path = "../measure.rs"]
mod measure;

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use async_inspect::Inspector;
use async_inspect::dashboard::Dashboard;
use async_inspect::export::JsonExporter;
use async_inspect::timeline::EventKind;
use measure::{ask, settle};

mod tool {
    #[cfg(not(feature = "trace"))]
    use async_inspect::runtime::tokio::InspectExt;
    pub(crate) use async_inspect::sync::{Mutex, Semaphore};
    #[cfg(feature = "trace")]
    pub(crate) use async_inspect::trace as frame;
    use tokio::task::JoinHandle;

    pub(crate) fn semaphore(name: &str, permits: usize) -> Semaphore {
        Semaphore::new(permits, name)
    }

    pub(crate) fn mutex(name: &str, value: u32) -> Mutex<u32> {
        Mutex::new(value, name)
    }

    /// Names the task at each poll. The attribute does so once, when the function begins.
    #[cfg(not(feature = "trace"))]
    pub(crate) fn spawn(
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        tokio::spawn(future.inspect(name))
    }

    #[cfg(feature = "trace")]
    pub(crate) fn spawn(
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        async_inspect::runtime::tokio::spawn_tracked(name, future)
    }
}

const PORT: u16 = 18_080;

/// Prints what the dashboard shows.
fn show(path: &str) {
    println!("$ curl 'http://localhost:{PORT}{path}'");
    match get(path) {
        Some((took, body)) => println!("{body}\nanswered in {took:.1?}"),
        None => println!("no answer within two seconds"),
    }
}

fn get(path: &str) -> Option<(Duration, String)> {
    let address = SocketAddr::from(([127, 0, 0, 1], PORT));
    let limit = Duration::from_secs(2);
    let connection = TcpStream::connect_timeout(&address, limit).ok()?;
    connection.set_read_timeout(Some(limit)).ok()?;
    ask(connection, path)
}

/// Prints the awaits that have begun and not ended, by task, and the verdicts.
fn print_findings() {
    let inspector = Inspector::global();
    for task in inspector.get_all_tasks() {
        let mut open = Vec::new();
        for event in inspector.get_task_events(task.id) {
            match event.kind {
                EventKind::AwaitStarted {
                    await_point,
                    location,
                } => {
                    open.push((await_point, location.unwrap_or_default()));
                }
                EventKind::AwaitEnded { await_point, .. } => open.retain(|it| it.0 != await_point),
                _ => {}
            }
        }
        println!("{} {} {} {open:?}", task.id, task.name, task.state);
    }
    let detector = inspector.deadlock_detector();
    for resource in detector.get_resources() {
        let (holder, waiters) = (resource.holder, resource.waiters);
        println!(
            "{} held by {holder:?}, waited for by {waiters:?}",
            resource.name
        );
    }
    let cycles = detector.detect_deadlocks();
    println!("{} deadlocks", cycles.len());
    for cycle in cycles {
        println!("{}", cycle.describe());
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> std::io::Result<()> {
    let _dashboard = Dashboard::new(PORT).start().await?;
    settle().await;
    match &*std::env::args().nth(1).expect("a question") {
        "permits" => {
            let _tasks = incidents::permits(&incidents::Shop::new());
            settle().await;
            print_findings();
        }
        "locks" => {
            let _tasks = incidents::locks(&incidents::Shop::new());
            settle().await;
            print_findings();
        }
        "slow" => {
            tool::spawn("slow", incidents::slow());
            settle().await;
            print_findings();
            show("/api/tasks");
        }
        "dropped" => {
            for _ in 0..1000 {
                tool::spawn("slow", incidents::slow()).abort();
            }
            let tasks: Vec<_> = (0..1000)
                .map(|_| tool::spawn("slow", incidents::slow()))
                .collect();
            settle().await;
            tasks.iter().for_each(tokio::task::JoinHandle::abort);
            settle().await;
            show("/api/stats");
        }
        "blocked" => {
            for _ in 0..2 {
                tool::spawn("blocks", incidents::blocks());
            }
            let asks = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_secs(3));
                show("/api/tasks");
            });
            asks.join().expect("no panic");
        }
        "crowd" => {
            measure::crowd(|| drop(tool::spawn("slow", incidents::slow()))).await;
            match get("/api/tasks") {
                Some((took, body)) => println!("/api/tasks: {} bytes in {took:.1?}", body.len()),
                None => println!("/api/tasks: no answer within two seconds"),
            }
            let begun = Instant::now();
            let json = JsonExporter::export_to_string(Inspector::global());
            println!(
                "export: {} bytes in {:.1?}",
                json.map_or(0, |json| json.len()),
                begun.elapsed()
            );
        }
        "plain" => measure::crowd(|| drop(tokio::spawn(incidents::plain()))).await,
        "cost" => measure::cost().await,
        other => panic!("no question: {other}"),
    }
    std::process::exit(0)
}

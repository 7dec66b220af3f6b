//! The program with this crate.

#[path = "../incidents.rs"]
mod incidents;
#[path = "../measure.rs"]
mod measure;

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use measure::{ask, settle};

mod tool {
    pub(crate) use tokio::sync::{Mutex, Semaphore};
    use tokio::task::JoinHandle;
    pub(crate) use underscore_runtime::underscore_frame as frame;

    pub(crate) fn semaphore(_: &str, permits: usize) -> Semaphore {
        Semaphore::new(permits)
    }

    pub(crate) fn mutex(_: &str, value: u32) -> Mutex<u32> {
        Mutex::new(value)
    }

    pub(crate) fn spawn(
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let task = underscore_runtime::track(name, future);
        tokio::spawn(async {
            let _ = task.await;
        })
    }
}

/// Prints what a command shows.
fn show(socket: &Path, path: &str) {
    println!("$ curl --unix-socket $SOCKET 'http://./{path}'");
    let connection = UnixStream::connect(socket).expect("it listens");
    match ask(connection, &format!("/{path}")) {
        Some((took, body)) => println!("{body}answered in {took:.1?}"),
        None => println!("no answer"),
    }
}

const TASKS: &str = "_cat/tasks?v&h=id,name,state,where,awaiting,holding";

#[tokio::main(worker_threads = 2)]
async fn main() -> std::io::Result<()> {
    let socket = std::env::temp_dir().join(format!("side-by-side-{}.sock", std::process::id()));
    let admin = underscore_runtime::serve_admin(&socket)?;
    match &*std::env::args().nth(1).expect("a question") {
        "permits" => {
            let _tasks = incidents::permits(&incidents::Shop::new());
            settle().await;
            for path in ["_cat/health?v", "_cat/waits?v", TASKS] {
                show(&socket, path);
            }
        }
        "locks" => {
            let _tasks = incidents::locks(&incidents::Shop::new());
            settle().await;
            for path in ["_cat/health?v", "_cat/waits?v", TASKS] {
                show(&socket, path);
            }
        }
        "slow" => {
            tool::spawn("slow", incidents::slow());
            settle().await;
            show(&socket, TASKS);
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
            show(&socket, "_cat/tasks?v");
        }
        "blocked" => {
            for _ in 0..2 {
                tool::spawn("blocks", incidents::blocks());
            }
            let socket = socket.clone();
            let asks = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_secs(3));
                for path in ["_cat/health?v", TASKS] {
                    show(&socket, path);
                }
            });
            asks.join().expect("no panic");
        }
        "crowd" => {
            measure::crowd(|| drop(tool::spawn("slow", incidents::slow()))).await;
            for path in [
                "_cat/stacks?v&h=count,where",
                "_cat/tasks?format=json&size=100000&h=id",
            ] {
                let connection = UnixStream::connect(&socket)?;
                let answer = ask(connection, &format!("/{path}"));
                let (took, body) = answer.expect("an answer");
                println!("{path}: {} bytes in {took:.1?}", body.len());
            }
        }
        "plain" => measure::crowd(|| drop(tokio::spawn(incidents::plain()))).await,
        "cost" => measure::cost().await,
        other => panic!("no question: {other}"),
    }
    admin.shutdown().await;
    std::process::exit(0)
}

//! What is measured alike for both tools.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use procfs::process::Process;
use tokio::task::JoinHandle;

use crate::{incidents, tool};

/// Awaits per measurement.
const AWAITS: u32 = 200_000;

/// Resident memory in bytes.
fn resident() -> u64 {
    let process = Process::myself().and_then(|process| process.statm());
    process.expect("the process can be read").resident * procfs::page_size()
}

/// An HTTP request on a connection of any kind, and how long the answer took. `None` if there is
/// none within two seconds.
pub(crate) fn ask(mut connection: impl Read + Write, path: &str) -> Option<(Duration, String)> {
    let begun = Instant::now();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some((begun.elapsed(), body.to_owned()))
}

/// Waits until the tasks of an incident have stood for a while.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_secs(3)).await;
}

/// Spawns 100 000 tasks and prints their memory.
pub(crate) async fn crowd(spawn: impl Fn()) {
    let (before, begun) = (resident(), Instant::now());
    (0..100_000).for_each(|_| spawn());
    let took = begun.elapsed();
    settle().await;
    let bytes = (resident() - before) / 100_000;
    println!("spawned in {took:.1?}, {bytes} bytes per task");
}

/// Nanoseconds and resident bytes per await that is ready, above those of a plain function.
pub(crate) async fn cost() {
    let (plain, _) = time(tokio::spawn(incidents::plain_awaits(AWAITS))).await;
    let (with, bytes) = time(tool::spawn("awaits", incidents::awaits(AWAITS))).await;
    let per_await = |total: f64| total / f64::from(AWAITS);
    let (plain, with) = (per_await(plain), per_await(with));
    println!("{with:.1} ns per await, {plain:.1} ns without");
    println!("{:.1} bytes kept per await", per_await(bytes));
}

/// Nanoseconds, and the growth of memory.
async fn time(awaits: JoinHandle<()>) -> (f64, f64) {
    let before = resident();
    let begun = Instant::now();
    awaits.await.expect("no panic");
    #[expect(clippy::cast_precision_loss, reason = "less than 2^52")]
    let kept = resident().saturating_sub(before) as f64;
    (begun.elapsed().as_secs_f64() * 1e9, kept)
}

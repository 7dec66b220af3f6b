//! Cost of a layer around a router: of `RequestLayer` in addition to the attribute, and around a
//! closure, compared with tower-http's `TraceLayer` and with a layer that does nothing. First
//! without a subscriber of `tracing`, then with one whose filter is `warn`, or another level: at
//! `debug`, `TraceLayer` writes its two events per request, here into nothing.
//!
//! ```text
//! cargo bench --bench layer                                  everything
//! cargo bench --bench layer -- --group closure               one group
//! cargo bench --bench layer -- --group closure debug          with a subscriber that takes `debug`
//! cargo bench --bench layer -- --only closure/TraceLayer 2000 one contender, for callgrind and perf
//! ```

mod groups;

use groups::groups;
use tracing_subscriber::filter::LevelFilter;
use underscore_bench::admin;
use underscore_bench::rounds::{compare, only};

/// More and shorter rounds than in `overhead`, because the differences are larger: on a busy
/// machine, a long round is interrupted.
const ROUNDS: usize = 4_000;

fn main() {
    let _admin = admin();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let warn = LevelFilter::WARN;
    let (key, level) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--only", whom, calls, ..] => {
            return only(groups(), whom, calls.parse().expect("a number of calls"));
        }
        // `cargo bench` adds `--bench`.
        ["--group", key] | ["--group", key, "--bench"] => (Some(key), warn),
        ["--group", key, level, ..] => (Some(key), level.parse().expect("a level")),
        _ => (None, warn),
    };
    println!("{ROUNDS} rounds; `more` is over the first line of each table, within a round");
    println!("\nwithout a subscriber");
    let compare_all = || {
        for group in groups() {
            if key.is_none_or(|key| group.key == key) {
                compare(group, ROUNDS);
            }
        }
    };
    compare_all();
    println!("\nwith a subscriber whose filter is `{level}`");
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::sink)
        .init();
    compare_all();
}

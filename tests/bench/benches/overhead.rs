//! Cost of the attribute per request and per poll, compared with other crates in the same run.
//!
//! ```text
//! cargo bench --bench overhead                                  everything
//! cargo bench --bench overhead -- --group request               one group
//! cargo bench --bench overhead -- --only request/annotated 2000 one contender, for callgrind and perf
//! cargo bench --bench overhead --no-default-features --features admin   without the other crates
//! ```

use underscore_bench::rounds::{compare, only};
use underscore_bench::{admin, groups};

const ROUNDS: usize = 400;

fn main() {
    let _admin = admin();
    // A timeout needs a runtime with a timer when it is created, and is not polled before it fires.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let _entered = runtime.enter();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--only", whom, calls, ..] => {
            only(groups(), whom, calls.parse().expect("a number of calls"));
        }
        ["--group", key, ..] => groups()
            .into_iter()
            .filter(|group| group.key == key)
            .for_each(|group| compare(group, ROUNDS)),
        _ => {
            println!(
                "{ROUNDS} rounds; `more` is over the first line of each table, within a round"
            );
            for group in groups() {
                compare(group, ROUNDS);
            }
        }
    }
}

//! Cost of the attribute per request and per poll, compared with other crates in the same run.
//!
//! ```text
//! cargo bench --bench overhead                                  everything
//! cargo bench --bench overhead -- --group request               one group
//! cargo bench --bench overhead -- --only request/annotated 2000 one contender, for callgrind and perf
//! cargo bench --bench overhead --no-default-features --features admin   without the other crates
//! ```

use underscore_bench::rounds::{play, report, time};
use underscore_bench::{Group, admin, groups};

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
        ["--only", whom, calls, ..] => only(whom, calls.parse().expect("a number of calls")),
        ["--group", key, ..] => groups()
            .into_iter()
            .filter(|group| group.key == key)
            .for_each(compare),
        _ => {
            println!(
                "{ROUNDS} rounds; `more` is over the first line of each table, within a round"
            );
            groups().into_iter().for_each(compare);
        }
    }
}

fn compare(mut group: Group) {
    let times = play(&mut group, ROUNDS);
    report(&group, &times);
}

/// `whom` is a group's key, a slash and a contender.
fn only(whom: &str, calls: u32) {
    let Some((key, who)) = whom.split_once('/') else {
        panic!("a group, a slash and a contender");
    };
    let all = groups();
    let mut group = all
        .into_iter()
        .find(|group| group.key == key)
        .expect("a group's key");
    let at = group
        .contenders
        .iter()
        .position(|contender| contender.who == who);
    let mut contender = group
        .contenders
        .swap_remove(at.expect("a contender of that group"));
    time(&mut contender.app, &group, calls);
}

//! Runs a test in a process of its own, for state that is global to a process: its audit log, its
//! `tracing` subscriber, its workers.

use std::env;
use std::process::Command;

use super::tools;

/// Set in such a process, to the name of its test.
const TEST: &str = "UNDERSCORE_TEST_IN_OWN_PROCESS";

/// Runs the calling test again in a new process and returns from the test if that passes. In the
/// new process the test continues after the macro, without other tests beside it.
macro_rules! own_process {
    () => {{
        fn here() {}
        if $crate::support::process::passes_alone(std::any::type_name_of_val(&here)) {
            return;
        }
    }};
}
pub(crate) use own_process;

/// True if the test has passed in a new process, false if this is that process. `function` is the
/// path of a function inside the test.
pub fn passes_alone(function: &str) -> bool {
    let path = function.trim_end_matches("::here");
    let path = path.trim_end_matches("::{{closure}}");
    let (_, name) = path.split_once("::").expect("a path begins with its crate");
    if env::var_os(TEST).is_some_and(|test| test == name) {
        return false;
    }
    let output = Command::new(env::current_exe().expect("this binary has a path"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(TEST, name)
        .output()
        .expect("the process starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stdout.contains("test result: ok. 1 passed"),
        "{name} in a process of its own, {}:\n{stdout}\n{stderr}",
        output.status
    );
    if let Some(why) = stderr.lines().find_map(tools::why_skipped) {
        tools::say_skipped(why);
    }
    true
}

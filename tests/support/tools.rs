//! Programs and files that a test needs and that are no Rust crates. Where one is missing, the test
//! is skipped and says so; with `UNDERSCORE_REQUIRE_TOOLS=1` it fails.

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// True if all of these programs are in `PATH`. `cure` is the command that installs them.
pub fn have(programs: &[&str], cure: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there =
        |program: &str| env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing = programs.iter().find(|program| !is_there(program));
    missing.is_none_or(|missing| skipped(missing, cure))
}

/// True if this file is there. `cure` is the command that installs it.
pub fn have_file(file: &Path, cure: &str) -> bool {
    file.is_file() || skipped(&file.display().to_string(), cure)
}

/// Says that the calling test is skipped, if it may be. Always false.
fn skipped(missing: &str, cure: &str) -> bool {
    let is_required = env::var("UNDERSCORE_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
    assert!(!is_required, "{missing} is missing: {cure}");
    say_skipped(&format!("{missing} is missing: {cure}"));
    false
}

/// Says why the calling test is skipped, with the number of those that this binary has skipped. Not
/// with `println!`, which the test harness hides for a test that passes.
pub fn say_skipped(why: &str) {
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("{SAID}{count}: {test}: {why}\n");
    // Without a terminal, there is nobody to tell.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// The reason in a line of [`say_skipped`], `None` for another line.
pub fn why_skipped(line: &str) -> Option<&str> {
    let (_, said) = line.split_once(SAID)?;
    said.splitn(3, ": ").nth(2)
}

const SAID: &str = "skipped ";

//! The programs that these tests run.

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// True if all of these programs are there. Otherwise the calling test passes without them, unless
/// the environment says that it must not.
pub(crate) fn have(tools: &[&str]) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = |tool: &&&str| env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    let Some(missing) = tools.iter().find(|tool| !is_there(tool)) else {
        return true;
    };
    let is_required = env::var("UNDERSCORE_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
    assert!(
        !is_required,
        "{missing} is missing: apt-get install prometheus"
    );
    println!("skipped: {missing} is missing");
    false
}

/// The folder of the alert rules.
pub(crate) fn fleet() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("underscore-runtime/docs/fleet")
}

/// Runs promtool, which must succeed.
pub(crate) fn promtool(arguments: &[&str], input: &str) {
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .current_dir(fleet())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = promtool.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("it ends");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{arguments:?}\n{stdout}\n{stderr}\n{input}"
    );
}

//! The programs that these tests run.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::tools;

/// True if all of these programs are there. Otherwise the calling test is skipped.
pub(crate) fn have(programs: &[&str]) -> bool {
    tools::have(programs, "apt-get install prometheus")
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

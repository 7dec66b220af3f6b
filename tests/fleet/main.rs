//! The files of `docs/fleet` that other programs read: manifests, units, and a function for a shell.
//!
//! A test is skipped where its program is missing, and fails there with
//! `UNDERSCORE_REQUIRE_TOOLS=1`.

#[path = "../support/mod.rs"]
mod support;

mod manifests;
mod merged;
mod sidecar;
mod units;

use std::path::PathBuf;
use std::process::{Command, Output};

/// A file of `docs/fleet`.
fn fleet(file: &str) -> PathBuf {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("underscore-runtime/docs/fleet");
    docs.join(file)
}

/// Runs a command, which must succeed, and returns what it has printed.
fn run(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("it starts");
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(
        status.success(),
        "{command:?}: {status}\n{stdout}\n{stderr}"
    );
    stdout + &stderr
}

//! Files and cargo metadata of the project, for tests that read them.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// A file or folder of the project.
pub fn of_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Adds all files below `directory`, except those that cargo builds.
pub fn below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.ends_with("target") {
            continue;
        }
        if path.is_dir() {
            below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Cargo's metadata of the workspace and its dependencies, as locked in Cargo.lock.
pub fn metadata() -> Value {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = Command::new(cargo)
        .args(["metadata", "--locked", "--format-version=1"])
        .current_dir(of_project(""))
        .output()
        .expect("cargo runs");
    let error = String::from_utf8_lossy(&metadata.stderr);
    assert!(metadata.status.success(), "{error}");
    serde_json::from_slice(&metadata.stdout).expect("it is JSON")
}

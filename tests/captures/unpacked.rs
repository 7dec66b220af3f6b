//! A bundle, unpacked by `tar`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;
use tempfile::TempDir;

use crate::support::tools;
use crate::support::{PATIENCE, Service};

/// The files that each bundle has.
pub const FILES: [&str; 32] = [
    "README.txt",
    "about.json",
    "audit.json",
    "audit.txt",
    "awaits.txt",
    "connections.txt",
    "ended.json",
    "ended.txt",
    "errors.txt",
    "events.ndjson",
    "health.json",
    "health.txt",
    "logger.json",
    "metrics_begin.txt",
    "metrics_end.txt",
    "print_stack.txt",
    "process/descriptors.txt",
    "process/limits",
    "process/status",
    "process/threads.txt",
    "profile.folded",
    "profile.json",
    "profile.pb.gz",
    "routes.json",
    "routes.txt",
    "settings.json",
    "stacks.txt",
    "tasks.json",
    "tasks.txt",
    "waits.json",
    "waits.txt",
    "workers.txt",
];

/// A bundle's files in a temporary directory.
pub struct Unpacked {
    directory: TempDir,
    pub names: Vec<String>,
}

/// True if archives can be read here.
pub fn have_tar() -> bool {
    tools::have(&["tar", "gzip"], "apt-get install tar gzip")
}

impl Unpacked {
    /// Unpacks an archive.
    pub fn new(archive: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let tar = |arguments: &[&str]| {
            let mut tar = Command::new("tar");
            tar.args(arguments)
                .arg(archive)
                .arg("-C")
                .arg(directory.path());
            let output = tar.output().expect("tar runs");
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{error}");
            String::from_utf8(output.stdout).expect("names")
        };
        let listed = tar(&["-tzf"]);
        let name = |line: &str| {
            let name = line.strip_prefix("underscore-bundle/");
            name.unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let mut names: Vec<String> = listed.lines().map(name).collect();
        names.sort_unstable();
        tar(&["-xzf"]);
        Unpacked { directory, names }
    }

    /// Asks for a bundle and unpacks it.
    pub async fn get(service: &Service, parameters: &str) -> Self {
        let path = format!("_bundle?seconds=1&{parameters}");
        let answer = service.admin_builder(Method::GET, &path);
        let answer = answer.timeout(3 * PATIENCE).send().await;
        let answer = answer.expect("the admin API answers");
        assert_eq!(answer.status(), 200);
        Self::of_bytes(&answer.bytes().await.expect("a body"))
    }

    pub fn of_bytes(bytes: &[u8]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let archive = directory.path().join("bundle.tar.gz");
        fs::write(&archive, bytes).expect("written");
        Self::new(&archive)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("underscore-bundle").join(name)
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("text")
    }

    /// The names of the files that contain `text`.
    pub fn containing(&self, text: &str) -> Vec<&str> {
        let has = |name: &&String| {
            let bytes = self.bytes(name);
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        };
        self.names.iter().filter(has).map(String::as_str).collect()
    }
}

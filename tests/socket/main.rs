//! The admin socket: its permissions, the files that it replaces or leaves alone, and its removal.

mod forked;
mod handed_in;
mod leftovers;
mod life;
mod mode;
mod open;
mod places;
mod process;
mod rebind;
mod start_line;
#[path = "../support/mod.rs"]
mod support;

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use underscore_runtime::{AdminBuilder, serve_admin};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: .\r\nConnection: close\r\n\r\n";

/// Interval between checks of the socket file in these tests.
const CHECK_EVERY: Duration = Duration::from_millis(20);

/// Time for which the file must be missing before it is created again.
const MISSING_FOR: Duration = Duration::from_millis(200);

/// The options of `serve_admin`, with short times for a rebind.
fn builder() -> AdminBuilder {
    AdminBuilder::new().rebind_times(CHECK_EVERY, MISSING_FOR)
}

/// Longer than it takes to make a file again.
const PATIENCE: Duration = Duration::from_secs(40);

/// A directory for sockets.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        Place { directory }
    }

    /// In which a process without privileges can make no file.
    fn closed() -> Self {
        let place = Self::new();
        let is_root = rustix::process::getuid().is_root();
        let mode = if is_root { 0o755 } else { 0o555 };
        let set = fs::set_permissions(place.directory.path(), Permissions::from_mode(mode));
        set.expect("it is ours");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The names in the directory, where a test leaves only expected files.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).expect("it can be listed");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }
}

/// Requests the pid of the server at `path`.
fn ask(path: &Path) -> String {
    let mut stream = UnixStream::connect(path).expect("the server listens");
    stream.write_all(REQUEST).expect("the server reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the server answers");
    answer
}

fn answers(path: &Path) -> bool {
    ask(path).contains(&format!("\"pid\":{}", std::process::id()))
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::symlink_metadata(path).expect("it is there");
    metadata.permissions().mode() & 0o777
}

fn refused(path: &Path) -> (ErrorKind, String) {
    let error = serve_admin(path).expect_err("it must be refused");
    let text = error.to_string();
    assert!(
        text.contains(&path.display().to_string()),
        "the path is not named in: {text}"
    );
    (error.kind(), text)
}

fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

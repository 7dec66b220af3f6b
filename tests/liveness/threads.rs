//! The process cannot start threads.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use underscore_runtime::AdminBuilder;

use super::process::{NOBODY, run_unprivileged};
use crate::support::narrow_umask;

/// More threads than the admin API has.
const MOST: u64 = 12;

/// Tries to serve with a limit of one thread, then of one more at a time.
pub(super) fn serve_with_ever_more(socket: &Path) {
    // Called from inside a runtime, as most hosts do.
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("it needs no thread").block_on(async {
        let refused = (1..=MOST)
            .filter(|most| !serves_with(socket, *most))
            .count();
        assert!(refused > 0, "the first has no thread beside it");
    });
}

/// True if the API is served; if not, the error says so and nothing is left behind.
fn serves_with(socket: &Path, most: u64) -> bool {
    let limit = Rlimit {
        current: Some(most),
        ..getrlimit(Resource::Nproc)
    };
    setrlimit(Resource::Nproc, limit).expect("less is allowed");
    let directory = socket.parent().expect("it has one");
    let builder = AdminBuilder::new().settings_file(directory.join("settings.json"));
    match builder.serve(socket) {
        Ok(admin) => {
            assert!(answers(socket), "it says that it serves");
            admin.shutdown_blocking();
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
            let said = error.to_string();
            assert!(said.contains("ulimit -u"), "{said}");
            assert!(said.contains(&directory.display().to_string()), "{said}");
            let left = fs::read_dir(directory).expect("listed").count();
            assert_eq!(left, 0, "something is left behind");
            false
        }
    }
}

fn answers(socket: &Path) -> bool {
    let mut stream = UnixStream::connect(socket).expect("it listens");
    let request = b"GET /_cat/tasks HTTP/1.1\r\nhost: .\r\nconnection: close\r\n\r\n";
    stream.write_all(request).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer.starts_with("HTTP/1.1 200 ")
}

#[test]
fn with_too_few_threads_it_serves_or_fails_with_the_reason_and_leaves_nothing_behind() {
    narrow_umask();
    let directory = tempfile::tempdir().expect("a directory");
    if rustix::process::geteuid().is_root() {
        // A settings file must be in a directory of the serving user.
        chown(directory.path(), Some(NOBODY), None).expect("it is root");
    }
    assert!(run_unprivileged("threads", &directory).success());
}

//! A service that is killed while it is blocked, as by a kubelet whose liveness probe has failed.

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::support::PATIENCE;
use crate::unpacked::{FILES, Unpacked, have_tar};
use crate::{block, capturing, start};

/// Set in the child, to the directory of its captures.
const DIRECTORY: &str = "UNDERSCORE_TEST_CAPTURES";

/// The child: a service whose only worker blocks.
#[tokio::test]
async fn child() {
    let Some(directory) = env::var_os(DIRECTORY) else {
        return;
    };
    let service = start(capturing(Path::new(&directory))).await;
    let _client = block(&service, "/blocks/again").await;
    let blocked = || async { service.admin("_cat/workers?h=state").await.text };
    while !blocked().await.contains("blocked") {}
    fs::write(Path::new(&directory).join("blocked"), "").expect("written");
    std::future::pending::<()>().await;
}

fn start_child(directory: &Path) -> Child {
    Command::new(env::current_exe().expect("this binary has a path"))
        .args(["killed::child", "--exact", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .spawn()
        .expect("it starts")
}

/// Holds 19.11 of docs/admin-api.md.
#[test]
fn a_service_that_is_killed_five_seconds_after_it_blocked_has_left_its_evidence() {
    if !have_tar() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mut child = start_child(directory.path());
    let deadline = Instant::now() + PATIENCE;
    while !directory.path().join("blocked").exists() {
        assert!(Instant::now() < deadline, "it never blocks");
        std::thread::sleep(Duration::from_millis(5));
    }
    // The time that is promised, and not a wait for a condition.
    std::thread::sleep(Duration::from_secs(5));
    child.kill().expect("it runs");
    let status = child.wait().expect("it ends");
    assert_eq!(status.signal(), Some(9));

    let files = fs::read_dir(directory.path()).expect("it is read");
    let names = files.map(|file| file.expect("an entry").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("text")).collect();
    names.retain(|name| name.ends_with(".tar.gz"));
    let [name] = &*names else {
        panic!("{names:?}");
    };
    assert!(name.contains(&format!("-{}-", child.id())), "{name}");
    let bundle = Unpacked::new(&directory.path().join(name));
    let health = bundle.text("health.txt");
    assert!(health.contains("all workers blocked"), "{health}");
    assert!(health.contains("tests/captures/main.rs:"), "{health}");
    assert!(
        bundle
            .text("workers.txt")
            .contains("tests/captures/main.rs:")
    );
    // A machine that is slow may have written the first file only.
    if !name.contains(".partial.") {
        assert_eq!(bundle.names, FILES);
    }
}

//! From the first answer to the last: what becomes of the file while the server runs, and after it.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use underscore_runtime::{AdminServer, serve_admin};

use super::process::{Process, Said};
use super::{Place, answers, mode};

/// Longer than it takes to make a file again.
const PATIENCE: Duration = Duration::from_secs(40);

#[test]
fn dropping_the_handle_leaves_the_server_running() {
    let place = Place::new();
    let path = place.path("app.sock");
    drop(serve_admin(&path).expect("it is bound"));
    assert!(answers(&path));
}

#[test]
fn shutting_down_removes_only_its_own_socket() {
    let place = Place::new();
    let path = place.path("app.sock");
    let first = serve_admin(&path).expect("it is bound");
    fs::remove_file(&path).expect("it is there");
    let second = serve_admin(&path).expect("the path is free");
    first.shutdown();
    assert!(
        answers(&path),
        "the second one's file is not the first one's to remove"
    );
    second.shutdown();
    assert!(place.names().is_empty());
}

#[test]
fn shutting_down_works_inside_a_runtime_and_ends_connections() {
    fn assert_send<T: Send>(_: &T) {}
    let place = Place::new();
    let path = place.path("app.sock");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let admin: AdminServer = serve_admin(&path).expect("it is bound");
        assert_send(&admin);
        let mut idle = UnixStream::connect(&path).expect("the server listens");
        admin.shutdown();
        // Closed if the server had taken the connection, reset if it was still in the queue.
        let ended = idle.read(&mut [0]);
        assert!(matches!(&ended, Ok(0)) || ended.is_err(), "{ended:?}");
        assert!(!path.exists());
    });
}

#[test]
fn what_took_the_place_of_its_file_is_not_removed() {
    let place = Place::new();
    let path = place.path("app.sock");
    let admin = serve_admin(&path).expect("it is bound");
    fs::remove_file(&path).expect("it is there");
    fs::write(&path, "keep me").expect("written");
    admin.shutdown();
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "keep me");
    fs::remove_file(&path).expect("removed");

    let admin = serve_admin(&path).expect("it is bound");
    fs::remove_file(&path).expect("it is there");
    fs::create_dir(&path).expect("made");
    admin.shutdown();
    assert!(path.is_dir());
}

#[test]
fn a_process_that_is_killed_leaves_a_file_that_the_next_one_replaces() {
    let place = Place::new();
    let path = place.path("app.sock");
    for _ in 0..3 {
        let mut process = Process::start(&path, "");
        assert_eq!(process.said(), Said::Served);
        assert!(process.answers(&path));
        drop(process);
        assert_eq!(place.names(), ["app.sock"], "nobody was there to remove it");
    }
    let admin = serve_admin(&path).expect("the stale file is replaced");
    assert!(answers(&path));
    admin.shutdown();
    assert!(place.names().is_empty());
}

#[test]
fn a_process_that_exits_leaves_a_file_that_the_next_one_replaces() {
    let place = Place::new();
    let path = place.path("app.sock");
    for order in ["exit", "return"] {
        let mut process = Process::start(&path, "");
        assert_eq!(process.said(), Said::Served);
        process.order(order);
        assert!(process.wait().success());
        assert_eq!(place.names(), ["app.sock"], "{order}");
    }
    let mut process = Process::start(&path, "");
    assert_eq!(process.said(), Said::Served);
    process.order("shutdown");
    assert!(process.wait().success());
    assert!(place.names().is_empty());
}

fn wait_for(path: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while UnixStream::connect(path).is_err() {
        assert!(Instant::now() < deadline, "it is not made again");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_file_that_is_taken_away_is_made_again() {
    let place = Place::new();
    let path = place.path("app.sock");
    let admin = serve_admin(&path).expect("it is bound");
    fs::set_permissions(&path, Permissions::from_mode(0o620)).expect("it is ours");
    // Until it has been looked at.
    std::thread::sleep(Duration::from_secs(3));
    fs::remove_file(&path).expect("it is there");
    wait_for(&path);
    assert!(answers(&path));
    assert_eq!(mode(&path), 0o620, "as somebody meant it to be");
    assert_eq!(place.names(), ["app.sock"]);
    admin.shutdown();
    assert!(place.names().is_empty(), "the new one is its own as well");
}

#[test]
fn a_relative_path_is_the_one_that_it_was_at_the_start() {
    let place = Place::new();
    let path = place.path("app.sock");
    let before = format!("cd '{}'", place.path("").display());
    let mut process = Process::start(Path::new("app.sock"), &before);
    assert_eq!(process.said(), Said::Served);
    process.order("go elsewhere");
    fs::remove_file(&path).expect("it is there");
    wait_for(&path);
    assert!(process.answers(&path));
    process.order("shutdown");
    assert!(process.wait().success());
    assert!(place.names().is_empty());
}

#[test]
fn a_directory_that_is_taken_away_is_waited_for() {
    let place = Place::new();
    let directory = place.path("run");
    let path = directory.join("app.sock");
    fs::create_dir(&directory).expect("made");
    let admin = serve_admin(&path).expect("it is bound");
    fs::remove_dir_all(&directory).expect("removed");
    // Until it has been tried once, in vain.
    std::thread::sleep(Duration::from_secs(13));
    assert!(!directory.exists(), "it is not ours to make");
    fs::create_dir(&directory).expect("made");
    wait_for(&path);
    assert!(answers(&path));
    admin.shutdown();
}

#[test]
fn a_path_that_another_server_took_is_left_to_it() {
    let place = Place::new();
    let path = place.path("app.sock");
    let first = serve_admin(&path).expect("it is bound");
    fs::remove_file(&path).expect("it is there");
    let second = serve_admin(&path).expect("the path is free");
    // Until it has been looked at.
    std::thread::sleep(Duration::from_secs(5));
    second.shutdown();
    // The next version of the second one may take its time to come: it must find the path free.
    std::thread::sleep(Duration::from_secs(16));
    assert!(place.names().is_empty());
    first.shutdown();
}

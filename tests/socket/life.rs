//! From the first answer to the last: what becomes of the file while the server runs, and after it.

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;

use underscore_runtime::{AdminServer, serve_admin};

use super::process::{Process, Said};
use super::{Place, answers};

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

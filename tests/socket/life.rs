//! From the first answer to the last: the socket file while the server runs, and after it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use underscore_runtime::{AdminServer, serve_admin};

use super::process::{Process, StartResult};
use super::support::futures::block_on;
use super::{Place, answers, wait_until};

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
    first.shutdown_blocking();
    assert!(
        answers(&path),
        "the second one's file is not the first one's to remove"
    );
    second.shutdown_blocking();
    assert!(place.names().is_empty());
}

#[test]
fn shutting_down_works_inside_a_runtime_and_ends_connections() {
    fn assert_send<T: Send>(_: &T) {}
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    for blocks in [false, true] {
        let place = Place::new();
        let path = place.path("app.sock");
        runtime.block_on(async {
            let admin: AdminServer = serve_admin(&path).expect("it is bound");
            assert_send(&admin);
            let mut idle = UnixStream::connect(&path).expect("the server listens");
            if blocks {
                admin.shutdown_blocking();
            } else {
                let shutdown = admin.shutdown();
                assert_send(&shutdown);
                shutdown.await;
            }
            // Closed if the server had taken the connection, reset if it was still in the queue.
            let ended = idle.read(&mut [0]);
            assert!(matches!(&ended, Ok(0)) || ended.is_err(), "{ended:?}");
            assert!(!path.exists());
        });
    }
}

/// While the server waits for a request, the only worker of the host does other work.
#[test]
fn awaiting_the_shutdown_does_not_block_the_worker() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let admin = serve_admin(place.path("app.sock")).expect("it is bound");
        // Its body is missing, so it is in progress until the grace period has ended.
        let mut slow = UnixStream::connect(admin.path()).expect("the server listens");
        let head = "PUT /_routes/_all/settings HTTP/1.1\r\nhost: .\r\ncontent-length: 9\r\n";
        let head = format!("{head}expect: 100-continue\r\n\r\n");
        slow.write_all(head.as_bytes()).expect("the server reads");
        slow.read_exact(&mut [0; 12]).expect("100 Continue");
        let mut shutdown = std::pin::pin!(admin.shutdown());
        let mut polls = 0;
        std::future::poll_fn(|context| {
            polls += 1;
            let polled = shutdown.as_mut().poll(context);
            assert!(polls > 1 || polled.is_pending(), "the request is under way");
            polled
        })
        .await;
        assert!(polls <= 3, "it is woken when the server has ended");
    });
}

#[test]
fn any_executor_can_await_the_shutdown() {
    let place = Place::new();
    let admin = serve_admin(place.path("app.sock")).expect("it is bound");
    block_on(admin.shutdown());
    assert!(place.names().is_empty());
}

#[test]
fn a_shutdown_that_is_not_awaited_ends_the_server_all_the_same() {
    let place = Place::new();
    let path = place.path("app.sock");
    let admin = serve_admin(&path).expect("it is bound");
    drop(admin.shutdown());
    wait_until(|| !path.exists());
    serve_admin(&path)
        .expect("the path is free")
        .shutdown_blocking();
}

#[test]
fn a_file_that_replaced_the_socket_is_not_removed() {
    let place = Place::new();
    let path = place.path("app.sock");
    let admin = serve_admin(&path).expect("it is bound");
    fs::remove_file(&path).expect("it is there");
    fs::write(&path, "keep me").expect("written");
    admin.shutdown_blocking();
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "keep me");
    fs::remove_file(&path).expect("removed");

    let admin = serve_admin(&path).expect("it is bound");
    fs::remove_file(&path).expect("it is there");
    fs::create_dir(&path).expect("made");
    admin.shutdown_blocking();
    assert!(path.is_dir());
}

#[test]
fn a_process_that_is_killed_leaves_a_file_that_the_next_one_replaces() {
    let place = Place::new();
    let path = place.path("app.sock");
    for _ in 0..3 {
        let mut process = Process::start(&path, "");
        assert_eq!(process.start_result(), StartResult::Served);
        assert!(process.answers(&path));
        drop(process);
        assert_eq!(place.names(), ["app.sock"], "nobody was there to remove it");
    }
    let admin = serve_admin(&path).expect("the stale file is replaced");
    assert!(answers(&path));
    admin.shutdown_blocking();
    assert!(place.names().is_empty());
}

#[test]
fn a_process_that_exits_leaves_a_file_that_the_next_one_replaces() {
    let place = Place::new();
    let path = place.path("app.sock");
    for order in ["exit", "return"] {
        let mut process = Process::start(&path, "");
        assert_eq!(process.start_result(), StartResult::Served);
        process.order(order);
        assert!(process.wait().success());
        assert_eq!(place.names(), ["app.sock"], "{order}");
    }
    let mut process = Process::start(&path, "");
    assert_eq!(process.start_result(), StartResult::Served);
    process.order("shutdown");
    assert!(process.wait().success());
    assert!(place.names().is_empty());
}

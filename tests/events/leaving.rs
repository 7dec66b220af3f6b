//! Followers that leave, and servers that do.

use std::time::{Duration, Instant};

use axum::Router;
use tokio::io::AsyncReadExt as _;
use underscore_runtime::{AdminBuilder, RouterExt as _};

use crate::raw::{Body, send, send_to};
use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};
use crate::{Follower, broken};

/// Number of open descriptors of this process that are sockets.
#[cfg(target_os = "linux")]
fn sockets() -> usize {
    let all = std::fs::read_dir("/proc/self/fd").expect("it is there");
    let links = all.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let is_socket = |link: &std::path::PathBuf| link.to_string_lossy().starts_with("socket:");
    links.filter(is_socket).count()
}

/// Holds 16.13 of docs/admin-api.md.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_of_a_follower_that_has_left_is_closed() {
    own_process!();
    let service = Service::start(Router::new()).await;
    // The server keeps a few descriptors in reserve.
    let most = sockets() + 30;
    for _ in 0..20 {
        let mut followers = Vec::new();
        for parameters in ["", "format=text", "format=sse"] {
            let mut follower = send(&service, parameters).await;
            // The answer has begun.
            follower.read_u8().await.expect("an answer");
            followers.push(follower);
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while sockets() > most {
        assert!(Instant::now() < deadline, "{most} and {}", sockets());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Holds 16.17 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_of_server_sent_events_gets_a_comment_while_nothing_happens() {
    own_process!();
    let service = Service::start(Router::new()).await;
    let begun = Instant::now();
    let mut follower = Follower::start(&service, "format=sse").await;
    assert_eq!(follower.line().await.as_deref(), Some(":"));
    assert!(begun.elapsed() >= Duration::from_secs(14));
    assert_eq!(follower.line().await.as_deref(), Some(""));
}

/// Holds 16.14 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_ends_followers_at_once() {
    own_process!();
    let directory = tempfile::tempdir().expect("a directory");
    let admin = AdminBuilder::new().serve(directory.path().join("app.sock"));
    let admin = admin.expect("it is served");
    let mut follower = send_to(admin.path(), "format=sse").await;
    let mut stopped = send_to(admin.path(), "").await;
    follower.read_u8().await.expect("an answer");
    stopped.read_u8().await.expect("an answer");
    let begun = Instant::now();
    admin.shutdown().await;
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(700), "{took:?}");
    let mut rest = Vec::new();
    follower.read_to_end(&mut rest).await.expect("it is whole");
    assert!(rest.ends_with(b"0\r\n\r\n"), "the last chunk");
}

/// Holds 16.14 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_does_not_wait_for_a_follower_that_does_not_read() {
    own_process!();
    let service = Service::start(Router::new().mount(broken)).await;
    let admin = AdminBuilder::new().serve(service.directory.path().join("other.sock"));
    let admin = admin.expect("it is served");
    let mut stuck = send_to(admin.path(), "").await;
    let long = "x".repeat(1_000);
    let interrupt = format!("_routes/broken/interrupt?reason={long}");
    service.post(&interrupt).await.ok_json();
    let mut body = Body::default();
    body.read(&mut stuck, |events| !events.is_empty()).await;
    // More than its socket takes.
    for _ in 0..600 {
        service.post(&interrupt).await.ok_json();
    }
    let begun = Instant::now();
    admin.shutdown().await;
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(700), "{took:?}");
}

//! Sockets that are passed in, as by systemd, which has them before the service starts and after it
//! ends.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use underscore_runtime::AdminBuilder;

use super::process::{Process, StartResult};
use super::{Place, REQUEST, answers, mode};

#[test]
fn a_socket_that_is_handed_in_is_served_and_its_file_is_left_alone() {
    let place = Place::new();
    let path = place.path("app.sock");
    let listener = UnixListener::bind(&path).expect("it is bound");
    let before = mode(&path);
    let builder = AdminBuilder::new().mode(0o600);
    let kept = listener.try_clone().expect("a second handle");
    let admin = builder.serve_listener(listener).expect("it is served");
    assert_eq!(admin.path(), path);
    assert!(answers(&path));
    assert_eq!(mode(&path), before, "it is not ours to change");
    admin.shutdown_blocking();
    assert_eq!(place.names(), ["app.sock"]);
    // It still listens for the next process.
    let admin = builder.serve_listener(kept).expect("it is served");
    assert!(answers(&path));
    admin.shutdown_blocking();
    assert_eq!(place.names(), ["app.sock"]);
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
#[test]
fn a_socket_that_does_not_listen_is_refused() {
    use socket2::{Domain, SockAddr, Socket, Type};
    use std::os::fd::OwnedFd;

    let place = Place::new();
    let path = place.path("app.sock");
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("it is made");
    let address = SockAddr::unix(&path).expect("it fits");
    socket.bind(&address).expect("it is bound");
    let listener = UnixListener::from(OwnedFd::from(socket));
    let error = AdminBuilder::new().serve_listener(listener);
    let error = error.expect_err("it must be refused");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
    assert!(text.contains("does not listen"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_socket_without_a_file_is_served() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    let name = format!("underscore-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).expect("a name");
    let listener = UnixListener::bind_addr(&address).expect("it is bound");
    let admin = AdminBuilder::new().serve_listener(listener);
    let admin = admin.expect("it is served");
    assert_eq!(admin.path(), Path::new(""));
    let mut stream = UnixStream::connect_addr(&address).expect("it listens");
    stream.write_all(REQUEST).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    admin.shutdown_blocking();
}

#[test]
fn systemd_hands_its_socket_to_one_process_after_the_other() {
    let place = Place::new();
    let path = place.path("app.sock");
    let systemds = UnixListener::bind(&path).expect("it is bound");
    let hand_over = || systemds.try_clone().expect("a second handle");
    let mut first = Process::start_with(hand_over());
    assert_eq!(first.start_result(), StartResult::Served);
    assert!(first.answers(&path));
    if cfg!(target_os = "linux") {
        let flags = fs::read_to_string(format!("/proc/{}/fdinfo/3", first.id()));
        let flags = flags.expect("it has it at its place");
        let flags = flags.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = u32::from_str_radix(flags.expect("a line").trim(), 8).expect("octal");
        assert_eq!(
            flags & 0o2_000_000,
            0o2_000_000,
            "it is for no other program"
        );
    }
    first.order("shutdown");
    assert!(first.wait().success());
    assert_eq!(place.names(), ["app.sock"]);

    // A client that connects while no process runs is answered by the next one.
    let mut waiting = UnixStream::connect(&path).expect("systemd has it");
    waiting.write_all(REQUEST).expect("it is kept");
    let mut second = Process::start_with(hand_over());
    assert_eq!(second.start_result(), StartResult::Served);
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).expect("it answers");
    let pid = format!("\"pid\":{}", second.id());
    assert!(answer.contains(&pid), "{answer}");
    drop(second);
    assert_eq!(place.names(), ["app.sock"]);
}

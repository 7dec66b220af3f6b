//! Existing files at the path of the socket or on the way to it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use underscore_runtime::{AdminServer, serve_admin};

use super::process::{Process, StartResult};
use super::{Place, answers, refused};
use crate::support::sentences::ANOTHER_SERVER;

#[test]
fn a_stale_socket_is_replaced() {
    let place = Place::new();
    let path = place.path("app.sock");
    drop(UnixListener::bind(&path).expect("it is bound"));
    assert!(path.exists(), "a closed socket leaves its file");
    let admin = serve_admin(&path).expect("the stale file is replaced");
    assert!(answers(&path));
    assert_eq!(place.names(), ["app.sock"]);
    admin.shutdown_blocking();
}

#[test]
fn a_live_server_is_left_alone() {
    let place = Place::new();
    let path = place.path("app.sock");
    let first = serve_admin(&path).expect("it is bound");
    let (kind, text) = refused(&path);
    assert_eq!(kind, ErrorKind::AddrInUse);
    assert!(text.contains(ANOTHER_SERVER), "{text}");
    assert!(answers(&path), "the first one still answers");
    assert_eq!(place.names(), ["app.sock"]);
    first.shutdown_blocking();
}

#[test]
fn a_live_server_that_does_not_accept_is_left_alone_too() {
    let place = Place::new();
    let path = place.path("app.sock");
    let listener = UnixListener::bind(&path).expect("it is bound");
    // Fill its queue, so that a blocking connect would hang.
    let mut waiting = Vec::new();
    loop {
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)
            .expect("a socket can be made");
        socket.set_nonblocking(true).expect("it can be set");
        let address = socket2::SockAddr::unix(&path).expect("the path fits");
        match socket.connect(&address) {
            Ok(()) => waiting.push(socket),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(refused(&path).0, ErrorKind::AddrInUse);
    drop(listener);
}

#[test]
fn a_path_that_is_not_a_socket_is_never_changed() {
    let place = Place::new();
    let file = place.path("notes.txt");
    fs::write(&file, "keep me").expect("it can be written");
    assert_eq!(refused(&file).0, ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "keep me");

    let link = place.path("link.sock");
    symlink(&file, &link).expect("it can be made");
    assert_eq!(refused(&link).0, ErrorKind::AlreadyExists);
    assert_eq!(place.names(), ["link.sock", "notes.txt"]);
}

#[test]
fn an_invalid_path_is_refused_with_the_reason() {
    let place = Place::new();
    let (kind, text) = refused(&place.path(&"long".repeat(40)));
    assert_eq!(kind, ErrorKind::InvalidInput);
    assert!(text.contains("at most"), "{text}");
    let (kind, text) = refused(&place.path("missing/app.sock"));
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(text.contains("directory"), "{text}");
    assert_eq!(refused(Path::new("/")).0, ErrorKind::InvalidInput);
    assert!(place.names().is_empty());
}

#[test]
fn the_pid_can_be_part_of_the_path() {
    let place = Place::new();
    let admin = serve_admin(place.path("app.{pid}.sock")).expect("it is bound");
    let name = format!("app.{}.sock", std::process::id());
    assert_eq!(admin.path(), place.path(&name));
    assert!(answers(admin.path()));
    admin.shutdown_blocking();
}

#[test]
fn of_many_that_start_at_once_on_one_path_one_serves() {
    let place = Place::new();
    let path = place.path("app.sock");
    drop(UnixListener::bind(&path).expect("a stale one, to make it harder"));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || serve_admin(path))
        })
        .collect();
    let results: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().expect("no panic"))
        .collect();
    let served = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(served, 1, "{results:?}");
    assert!(answers(&path));
    let file_type = fs::symlink_metadata(&path)
        .expect("it is there")
        .file_type();
    assert!(file_type.is_socket());
    assert_eq!(place.names(), ["app.sock"]);
    results
        .into_iter()
        .flatten()
        .for_each(AdminServer::shutdown_blocking);
}

#[test]
fn a_link_is_left_alone_wherever_it_leads() {
    let place = Place::new();
    drop(UnixListener::bind(place.path("stale")).expect("it is bound"));
    let live = UnixListener::bind(place.path("live")).expect("it is bound");
    fs::write(place.path("file"), "keep me").expect("written");
    fs::create_dir(place.path("directory")).expect("made");
    let link = place.path("link");
    for target in ["nowhere", "stale", "live", "file", "directory"] {
        symlink(target, &link).expect("linked");
        let before = place.names();
        let (kind, text) = refused(&link);
        assert_eq!(kind, ErrorKind::AlreadyExists, "{target}");
        assert!(text.contains("choose another path"), "{text}");
        assert_eq!(place.names(), before);
        assert_eq!(
            fs::read_link(&link).expect("it is there"),
            Path::new(target)
        );
        fs::remove_file(&link).expect("removed");
    }
    assert_eq!(
        fs::read_to_string(place.path("file")).expect("there"),
        "keep me"
    );
    drop(live);
}

#[test]
fn a_directory_and_a_pipe_are_left_alone() {
    let place = Place::new();
    let (directory, pipe) = (place.path("directory"), place.path("pipe"));
    fs::create_dir(&directory).expect("made");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("it runs").success());
    assert_eq!(refused(&directory).0, ErrorKind::AlreadyExists);
    assert_eq!(refused(&pipe).0, ErrorKind::AlreadyExists);
    assert_eq!(place.names(), ["directory", "pipe"]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_longest_path_that_fits_is_served() {
    let place = Place::new();
    let room = 107 - place.path("").as_os_str().len();
    let longest = place.path(&"s".repeat(room));
    assert_eq!(longest.as_os_str().len(), 107);
    let admin = serve_admin(&longest).expect("it fits");
    assert!(answers(&longest));
    admin.shutdown_blocking();
    let (kind, text) = refused(&place.path(&"s".repeat(room + 1)));
    assert_eq!(kind, ErrorKind::InvalidInput);
    assert!(text.contains("108 bytes of at most 107"), "{text}");
    assert!(place.names().is_empty());
}

/// The temporary name is longer than the final one.
#[cfg(target_os = "linux")]
#[test]
fn the_longest_path_is_the_kernels_also_where_the_name_is_short() {
    let place = Place::new();
    let room = 107 - place.path("").as_os_str().len() - "/s".len();
    let directory = "d".repeat(room);
    fs::create_dir(place.path(&directory)).expect("a directory");
    let longest = place.path(&directory).join("s");
    assert_eq!(longest.as_os_str().len(), 107);
    let admin = serve_admin(&longest).expect("it fits");
    assert!(answers(&longest));
    assert_eq!(refused(&longest).0, ErrorKind::AddrInUse, "it is live");
    admin.shutdown_blocking();
    let (kind, text) = refused(&place.path(&directory).join("so"));
    assert_eq!(kind, ErrorKind::InvalidInput);
    assert!(text.contains("108 bytes of at most 107"), "{text}");
}

#[test]
fn a_directory_that_may_not_be_written_is_named() {
    // Its mode is 0755 and the serving process belongs to another user or has no write access
    // either.
    let place = Place::closed();
    let path = place.path("app.sock");
    let mut process = Process::start_unprivileged(&path);
    let StartResult::Refused(text) = process.start_result() else {
        panic!("it cannot be served");
    };
    assert!(text.starts_with("PermissionDenied"), "{text}");
    assert!(text.contains(&path.display().to_string()), "{text}");
    assert!(place.names().is_empty());
}

#[test]
fn of_two_processes_the_second_is_refused_and_names_the_first() {
    let place = Place::new();
    let path = place.path("app.sock");
    let mut first = Process::start(&path, "");
    assert_eq!(first.start_result(), StartResult::Served);
    let (kind, text) = refused(&path);
    assert_eq!(kind, ErrorKind::AddrInUse);
    assert!(text.contains("{pid}"), "the cure is in: {text}");
    assert!(first.answers(&path));
}

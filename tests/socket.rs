//! The admin socket: who may connect, what is replaced and what is left alone, and when it goes.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use underscore_runtime::{AdminBuilder, AdminServer, serve_admin};

struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        Place { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The names in the directory: nothing but what a test expects may be left there.
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

/// Asks the server at `path` for its pid.
fn ask(path: &Path) -> String {
    let mut stream = UnixStream::connect(path).expect("the server listens");
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: .\r\nConnection: close\r\n\r\n")
        .expect("the server reads");
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

#[test]
fn only_the_owner_may_connect_unless_it_is_said_otherwise() {
    let place = Place::new();
    let path = place.path("app.sock");
    let admin = serve_admin(&path).expect("it is bound");
    assert_eq!(mode(&path), 0o600);
    assert!(answers(&path));
    admin.shutdown();

    let admin = AdminBuilder::new()
        .mode(0o666)
        .serve(&path)
        .expect("it is bound");
    assert_eq!(
        mode(&path),
        0o666,
        "the umask does not narrow what was asked for"
    );
    admin.shutdown();
    assert!(
        place.names().is_empty(),
        "something is left: {:?}",
        place.names()
    );
}

#[test]
fn a_socket_that_nobody_listens_on_is_replaced() {
    let place = Place::new();
    let path = place.path("app.sock");
    drop(UnixListener::bind(&path).expect("it is bound"));
    assert!(path.exists(), "a closed socket leaves its file");
    let admin = serve_admin(&path).expect("the stale file is replaced");
    assert!(answers(&path));
    assert_eq!(place.names(), ["app.sock"]);
    admin.shutdown();
}

#[test]
fn a_live_server_is_left_alone() {
    let place = Place::new();
    let path = place.path("app.sock");
    let first = serve_admin(&path).expect("it is bound");
    let (kind, text) = refused(&path);
    assert_eq!(kind, ErrorKind::AddrInUse);
    assert!(text.contains("another server answers there"), "{text}");
    assert!(answers(&path), "the first one still answers");
    assert_eq!(place.names(), ["app.sock"]);
    first.shutdown();
}

#[test]
fn a_live_server_that_does_not_accept_is_left_alone_too() {
    let place = Place::new();
    let path = place.path("app.sock");
    let listener = UnixListener::bind(&path).expect("it is bound");
    // Fill its queue: a connect that waits would hang here.
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
fn what_is_not_a_socket_is_never_touched() {
    let place = Place::new();
    let file = place.path("notes.txt");
    fs::write(&file, "keep me").expect("it can be written");
    assert_eq!(refused(&file).0, ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "keep me");

    let link = place.path("link.sock");
    std::os::unix::fs::symlink(&file, &link).expect("it can be made");
    assert_eq!(refused(&link).0, ErrorKind::AlreadyExists);
    assert_eq!(place.names(), ["link.sock", "notes.txt"]);
}

#[test]
fn a_path_that_cannot_be_is_refused_and_says_why() {
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
    admin.shutdown();
}

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
        .for_each(AdminServer::shutdown);
}

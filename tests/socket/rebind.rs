//! A socket file that is removed while the server runs is created again, but only in its own
//! directory.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::process::{Process, StartResult};
use super::support::log::LOG;
use super::{CHECK_EVERY, MISSING_FOR, Place, answers, builder, mode, wait_until};

/// Logged once if the directory was replaced.
const ELSEWHERE: &str = "the directory of the admin socket was replaced";

/// Logged once if another file has replaced the socket.
const REPLACED: &str = "another file has replaced the admin socket";

fn wait_for(path: &Path) {
    wait_until(|| UnixStream::connect(path).is_ok());
}

/// Number of warnings in the log of this process that contain `text` and `path`.
fn warnings(path: &Path, text: &str) -> usize {
    let path = path.display().to_string();
    let lines = LOG.lines().into_iter();
    lines
        .filter(|line| line.contains(text) && line.contains(&path))
        .count()
}

fn elsewhere_warnings(path: &Path) -> usize {
    warnings(path, ELSEWHERE)
}

#[test]
fn a_file_that_is_removed_is_created_again() {
    let place = Place::new();
    let path = place.path("app.sock");
    let admin = builder().serve(&path).expect("it is bound");
    fs::set_permissions(&path, Permissions::from_mode(0o620)).expect("it is ours");
    // A check records the mode. Nothing outside of the server shows that.
    std::thread::sleep(50 * CHECK_EVERY);
    fs::remove_file(&path).expect("it is there");
    wait_for(&path);
    assert!(answers(&path));
    assert_eq!(mode(&path), 0o620, "as somebody meant it to be");
    assert_eq!(place.names(), ["app.sock"]);
    admin.shutdown_blocking();
    assert!(place.names().is_empty(), "the new one is its own as well");
}

#[test]
fn a_relative_path_is_the_one_that_it_was_at_the_start() {
    let place = Place::new();
    let path = place.path("app.sock");
    let before = format!("cd '{}'", place.path("").display());
    let mut process = Process::start(Path::new("app.sock"), &before);
    assert_eq!(process.start_result(), StartResult::Served);
    process.order("go elsewhere");
    fs::remove_file(&path).expect("it is there");
    wait_for(&path);
    assert!(process.answers(&path));
    process.order("shutdown");
    assert!(process.wait().success());
    assert!(place.names().is_empty());
}

#[test]
fn a_path_that_another_server_took_is_left_to_it() {
    std::sync::LazyLock::force(&LOG);
    let place = Place::new();
    let path = place.path("app.sock");
    // Long enough for the second one to start meanwhile.
    let missing_for = 5 * MISSING_FOR;
    let first = builder()
        .rebind_times(CHECK_EVERY, missing_for)
        .serve(&path);
    let first = first.expect("it is bound");
    fs::remove_file(&path).expect("it is there");
    let second = builder().serve(&path).expect("the path is free");
    wait_until(|| warnings(&path, REPLACED) > 0);
    second.shutdown_blocking();
    // The next version of the second server may start late, and must find the path free.
    std::thread::sleep(missing_for + 3 * MISSING_FOR);
    assert!(place.names().is_empty());
    first.shutdown_blocking();
}

/// Puts another directory in the place of the one that `path` is in, and gives the new name of
/// that.
fn replace_directory(path: &Path) -> PathBuf {
    let directory = path.parent().expect("it has one");
    let aside = directory.with_extension("aside");
    fs::rename(directory, &aside).expect("moved");
    fs::create_dir(directory).expect("made");
    aside
}

#[test]
fn no_socket_is_created_in_a_directory_that_replaced_its_own() {
    std::sync::LazyLock::force(&LOG);
    let place = Place::new();
    let paths = ["first", "second"].map(|name| {
        let directory = place.path(name);
        fs::create_dir(&directory).expect("made");
        directory.join("app.sock")
    });
    let served = paths
        .clone()
        .map(|path| builder().serve(path).expect("bound"));
    let aside = replace_directory(&paths[0]);
    wait_until(|| elsewhere_warnings(&paths[0]) > 0);
    // Until the other one has warned, the first one is checked several times.
    replace_directory(&paths[1]);
    wait_until(|| elsewhere_warnings(&paths[1]) > 0);
    assert_eq!(elsewhere_warnings(&paths[0]), 1, "it warns once");
    for path in &paths {
        let directory = path.parent().expect("it has one");
        assert_eq!(fs::read_dir(directory).expect("listed").count(), 0);
    }

    // When its own directory returns, the server is reachable as before.
    let directory = paths[0].parent().expect("it has one");
    fs::remove_dir(directory).expect("it is empty");
    fs::remove_file(aside.join("app.sock")).expect("it is there");
    fs::rename(&aside, directory).expect("moved back");
    wait_for(&paths[0]);
    assert!(answers(&paths[0]));
    let [first, second] = served;
    first.shutdown_blocking();
    assert_eq!(fs::read_dir(directory).expect("listed").count(), 0);
    second.shutdown_blocking();
}

/// A directory that was removed and made again may get the number of the old one.
#[test]
fn a_directory_that_is_removed_and_created_again_gets_no_socket() {
    std::sync::LazyLock::force(&LOG);
    let place = Place::new();
    let directory = place.path("run");
    let path = directory.join("app.sock");
    fs::create_dir(&directory).expect("made");
    let admin = builder().serve(&path).expect("it is bound");
    fs::remove_dir_all(&directory).expect("removed");
    fs::create_dir(&directory).expect("made");
    wait_until(|| elsewhere_warnings(&path) > 0);
    assert_eq!(fs::read_dir(&directory).expect("listed").count(), 0);
    admin.shutdown_blocking();
}

/// The command that starts a process as root of its own user namespace, if the system allows it.
fn as_root_of_its_own() -> Option<&'static str> {
    let unshare = "unshare --user --map-root-user --mount";
    let allowed = Command::new("sh")
        .args(["-c", &format!("{unshare} mount -t tmpfs tmpfs /tmp")])
        .stderr(Stdio::null())
        .status();
    let allowed = allowed.is_ok_and(|status| status.success());
    if !allowed {
        println!("skipped: this system lets nobody mount anything");
    }
    allowed.then_some(unshare)
}

#[cfg(target_os = "linux")]
#[test]
fn no_socket_is_created_below_a_mount_over_its_directory() {
    let Some(unshare) = as_root_of_its_own() else {
        return;
    };
    let place = Place::new();
    let directory = place.path("run");
    fs::create_dir(&directory).expect("made");
    let path = directory.join("app.sock");
    let mut process = Process::start(&path, &format!("exec {unshare} \"$0\" \"$@\""));
    assert_eq!(process.start_result(), StartResult::Served);
    process.order(&format!("mount over {}", directory.display()));
    process.order(&format!("wait for log {ELSEWHERE}"));
    assert_eq!(process.line(), "logged");
    let root = format!("/proc/{}/root", process.id());
    let seen = Path::new(&root).join(directory.strip_prefix("/").expect("from the root"));
    assert_eq!(fs::read_dir(seen).expect("listed").count(), 0);
    assert!(process.answers(&path), "the file below is as it was");
    process.order("shutdown");
    assert!(process.wait().success());
    assert!(path.exists(), "it cannot be reached any more");
}

#[cfg(target_os = "linux")]
#[test]
fn after_a_chroot_no_socket_is_made() {
    let Some(unshare) = as_root_of_its_own() else {
        return;
    };
    let place = Place::new();
    let directory = place.path("run");
    fs::create_dir(&directory).expect("made");
    let path = directory.join("app.sock");
    // A new root in which there is a directory with the same path.
    let root = place.path("root");
    let within = root.join(directory.strip_prefix("/").expect("from the root"));
    fs::create_dir_all(&within).expect("made");
    let mut process = Process::start(&path, &format!("exec {unshare} \"$0\" \"$@\""));
    assert_eq!(process.start_result(), StartResult::Served);
    process.order(&format!("change root to {}", root.display()));
    process.order(&format!("wait for log {ELSEWHERE}"));
    assert_eq!(process.line(), "logged");
    assert_eq!(fs::read_dir(&within).expect("listed").count(), 0);
    assert!(process.answers(&path));
    process.order("shutdown");
    assert!(process.wait().success());
    assert!(path.exists(), "it cannot be reached any more");
}

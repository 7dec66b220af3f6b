//! A socket that every user can connect to: all of them may read, few may make changes.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;

use underscore_runtime::AdminBuilder;

use super::Place;
use super::process::{Process, StartResult, change, change_as};
use super::support::log::LOG;
use crate::support::sentences::this_is_user;

/// User ids that are not in use.
const SERVICE: u32 = 61_234;
const OTHER: u32 = 61_235;

/// The overflow user, which stands for users outside of a user namespace.
const OVERFLOW: u32 = 65_534;

const OK: &str = "200 OK";
const FORBIDDEN: &str = "403 Forbidden";

/// The warning about such a socket.
const OPEN: &str = "every user of this machine can connect";

/// Only root can switch users; otherwise the tests of `hostile::write_access` have to do.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("skipped in part: only root can be another user");
    }
    is_root
}

/// A directory that every user can access.
fn place() -> Place {
    let place = Place::new();
    fs::set_permissions(place.path(""), Permissions::from_mode(0o755)).expect("it is ours");
    place
}

/// Number of warnings about `path`.
fn open_warnings(path: &str) -> usize {
    let lines = LOG.lines().into_iter();
    lines
        .filter(|line| line.contains(OPEN) && line.contains(path))
        .count()
}

/// Holds 6.35 of docs/admin-api.md.
#[test]
fn if_every_user_can_connect_others_may_read_and_not_change() {
    std::sync::LazyLock::force(&LOG);
    let place = place();
    let path = place.path("app.sock");
    for (mode, others, warnings) in [(0o666, FORBIDDEN, 1), (0o602, FORBIDDEN, 2)] {
        let admin = AdminBuilder::new().mode(mode).serve(&path);
        let admin = admin.expect("it is served");
        assert!(change(&path).contains(OK), "it is its own user");
        if is_root() {
            let answer = change_as(OTHER, &path);
            assert!(answer.contains(others), "{answer}");
            let why = format!(
                concat!(this_is_user!("{}", "{}"), ", who may only read"),
                OTHER, OTHER
            );
            assert!(answer.contains(&why), "{answer}");
        }
        admin.shutdown_blocking();
        assert_eq!(
            open_warnings(&path.display().to_string()),
            warnings,
            "once a start"
        );
    }
}

/// Holds 6.35 of docs/admin-api.md.
#[test]
fn if_only_a_group_can_connect_or_users_are_listed_these_may_change() {
    std::sync::LazyLock::force(&LOG);
    let place = place();
    let path = place.path("app.sock");
    let named = AdminBuilder::new()
        .mode(0o666)
        .allow_changes_from_gids([OTHER]);
    for builder in [AdminBuilder::new().mode(0o660), named] {
        let admin = builder.serve(&path).expect("it is served");
        if is_root() {
            chown(&path, None, Some(OTHER)).expect("it is root");
            let answer = change_as(OTHER, &path);
            assert!(answer.contains(OK), "{answer}");
        }
        admin.shutdown_blocking();
        assert_eq!(open_warnings(&path.display().to_string()), 0);
    }
}

/// Holds 6.35 of docs/admin-api.md.
#[test]
fn root_and_the_user_that_serves_may_change_through_an_open_socket() {
    if !is_root() {
        return;
    }
    let place = place();
    chown(place.path(""), Some(SERVICE), None).expect("it is root");
    let path = place.path("app.sock");
    let mut process = Process::start_as(SERVICE, &path, "666");
    assert_eq!(process.start_result(), StartResult::Served);
    assert!(change(&path).contains(OK), "this is root");
    assert!(change_as(SERVICE, &path).contains(OK));
    assert!(change_as(OTHER, &path).contains(FORBIDDEN));
}

/// Holds 6.35 of docs/admin-api.md.
#[test]
fn the_file_mode_of_a_passed_in_socket_counts() {
    std::sync::LazyLock::force(&LOG);
    let place = place();
    for (mode, others, warnings) in [(0o666, FORBIDDEN, 1), (0o660, OK, 0)] {
        let path = place.path(&format!("{mode:o}.sock"));
        let listener = UnixListener::bind(&path).expect("it is bound");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
        let admin = AdminBuilder::new().serve_listener(listener);
        let admin = admin.expect("it is served");
        assert!(change(&path).contains(OK));
        if is_root() {
            chown(&path, None, Some(OTHER)).expect("it is root");
            let answer = change_as(OTHER, &path);
            assert!(answer.contains(others), "{answer}");
        }
        admin.shutdown_blocking();
        assert_eq!(open_warnings(&path.display().to_string()), warnings);
    }
    // The mode of a removed file is not known.
    let path = place.path("gone.sock");
    let listener = UnixListener::bind(&path).expect("it is bound");
    fs::rename(&path, place.path("moved.sock")).expect("moved");
    let admin = AdminBuilder::new().serve_listener(listener);
    admin.expect("it is served").shutdown_blocking();
    assert_eq!(open_warnings(&path.display().to_string()), 1);
}

/// Holds 6.35 of docs/admin-api.md.
#[cfg(target_os = "linux")]
#[test]
fn an_abstract_socket_is_open_to_every_user() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    let name = format!("underscore-open-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let listener = UnixListener::bind_addr(&address).expect("it is bound");
    let admin = AdminBuilder::new().serve_listener(listener);
    let admin = admin.expect("it is served");
    let path = std::path::PathBuf::from(format!("@{name}"));
    assert!(change(&path).contains(OK));
    if is_root() {
        let answer = change_as(OTHER, &path);
        assert!(answer.contains(FORBIDDEN), "{answer}");
    }
    admin.shutdown_blocking();
}

/// Holds 6.36 of docs/admin-api.md.
#[test]
fn the_overflow_user_is_not_taken_for_the_user_that_serves() {
    if !is_root() {
        return;
    }
    let place = place();
    chown(place.path(""), Some(OVERFLOW), None).expect("it is root");
    let path = place.path("app.sock");
    let mut process = Process::start_as(OVERFLOW, &path, "666");
    assert_eq!(process.start_result(), StartResult::Served);
    let answer = change_as(OVERFLOW, &path);
    assert!(answer.contains(FORBIDDEN), "{answer}");
    assert!(answer.contains("stands for all users"), "{answer}");
    assert!(change(&path).contains(OK), "this is root");
}

/// Holds 6.36 of docs/admin-api.md.
#[cfg(target_os = "linux")]
#[test]
fn a_user_outside_of_the_user_namespace_is_not_a_member_of_a_list() {
    let unshare = "unshare --user --map-root-user";
    let allowed = std::process::Command::new("sh")
        .args(["-c", &format!("{unshare} true")])
        .status();
    if !is_root() || !allowed.is_ok_and(|status| status.success()) {
        return;
    }
    let place = place();
    let path = place.path("app.sock");
    let before =
        format!("export UNDERSCORE_TEST_CHANGERS={OVERFLOW}; exec {unshare} \"$0\" \"$@\"");
    let mut process = Process::start_with_mode(&path, "666", &before);
    assert_eq!(process.start_result(), StartResult::Served);
    let answer = change_as(OTHER, &path);
    assert!(
        answer.contains(&format!("this is user [{OVERFLOW}]")),
        "{answer}"
    );
    assert!(answer.contains(FORBIDDEN), "{answer}");
}

//! The mode of the socket file at every moment.

use underscore_runtime::{AdminBuilder, serve_admin};

use super::process::{Process, StartResult};
use super::{Place, answers, mode};

#[test]
fn only_the_owner_may_connect_by_default() {
    let place = Place::new();
    let path = place.path("app.sock");
    let admin = serve_admin(&path).expect("it is bound");
    assert_eq!(mode(&path), 0o600);
    assert!(answers(&path));
    admin.shutdown_blocking();

    let admin = AdminBuilder::new()
        .mode(0o666)
        .serve(&path)
        .expect("it is bound");
    assert_eq!(
        mode(&path),
        0o666,
        "the umask does not narrow what was asked for"
    );
    admin.shutdown_blocking();
    assert!(
        place.names().is_empty(),
        "something is left: {:?}",
        place.names()
    );
}

#[test]
fn the_umask_neither_widens_nor_narrows_it() {
    for umask in ["0", "022", "0777"] {
        let place = Place::new();
        let path = place.path("app.sock");
        let mut process = Process::start(&path, &format!("umask {umask}"));
        assert_eq!(process.start_result(), StartResult::Served);
        assert_eq!(mode(&path), 0o600, "umask {umask}");
    }
}

/// The mode at creation cannot be observed. But inotify reports each later change of a mode, and
/// without one the file was created with its final mode.
#[cfg(target_os = "linux")]
#[test]
fn the_file_has_no_wider_mode_at_any_moment() {
    use inotify::{EventMask, Inotify, WatchMask};

    let place = Place::new();
    let path = place.path("app.sock");
    let mut changes = Inotify::init().expect("it can be had");
    let all = WatchMask::CREATE | WatchMask::ATTRIB | WatchMask::MOVE | WatchMask::DELETE;
    changes.watches().add(place.path(""), all).expect("watched");
    // A umask that masks nothing.
    let mut process = Process::start(&path, "umask 0");
    assert_eq!(process.start_result(), StartResult::Served);
    assert_eq!(mode(&path), 0o600);

    let mut buffer = [0; 4096];
    let events = changes.read_events(&mut buffer).expect("there are some");
    let told: Vec<(EventMask, String)> = events
        .map(|event| {
            let name = event.name.unwrap_or_default().to_string_lossy();
            (event.mask, name.into_owned())
        })
        .collect();
    let masks: Vec<EventMask> = told.iter().map(|(mask, _)| *mask).collect();
    let expected = [
        EventMask::CREATE,
        EventMask::MOVED_FROM,
        EventMask::MOVED_TO,
    ];
    assert_eq!(masks, expected, "{told:?}");
    assert_eq!(told[0].1, told[1].1, "{told:?}");
    assert_eq!(told[2].1, "app.sock", "{told:?}");
}

//! A process that forks while it serves: the child has the handle, but not the admin thread.

use super::Place;
use super::process::{Process, StartResult};

#[test]
fn a_forked_child_neither_hangs_nor_removes_the_socket() {
    for end in ["shutdown", "await", "drop"] {
        let place = Place::new();
        let path = place.path("app.sock");
        let mut process = Process::start(&path, "");
        assert_eq!(process.start_result(), StartResult::Served);
        process.order(&format!("fork and {end}"));
        assert_eq!(process.line(), "the child ended well", "{end}");
        assert_eq!(place.names(), ["app.sock"], "{end}");
        for _ in 0..10 {
            assert!(process.answers(&path), "{end}: the parent serves on");
        }
        process.order("shutdown");
        assert!(process.wait().success());
        assert!(place.names().is_empty());
    }
}

#[test]
fn while_a_forked_child_lives_only_the_parent_answers() {
    let place = Place::new();
    let path = place.path("app.sock");
    let mut process = Process::start(&path, "");
    assert_eq!(process.start_result(), StartResult::Served);
    process.order("fork and stay");
    assert_eq!(process.line(), "the child stays");
    for _ in 0..100 {
        assert!(process.answers(&path));
    }
    process.order("shutdown");
    assert!(process.wait().success());
    assert!(place.names().is_empty());
}

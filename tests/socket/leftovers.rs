//! Leftovers of earlier processes in the directory. In a container each of them has the same pid.

use super::Place;
use super::process::{Process, StartResult};

#[test]
fn leftovers_of_dead_processes_with_the_same_pid_do_not_keep_it_from_starting() {
    for make in ["mkdir", "touch", "ln -s nowhere"] {
        let place = Place::new();
        let path = place.path("app.sock");
        // The shell execs the server, so both have the same pid.
        let leave = format!(
            "cd '{}'; for n in 0 1 2 3; do {make} .$(printf %x $$).$n; done",
            place.path("").display()
        );
        let mut process = Process::start(&path, &leave);
        assert_eq!(process.start_result(), StartResult::Served, "{make}");
        assert!(process.answers(&path));
        assert_eq!(place.names().len(), 5, "{make}: all of it is still there");
    }
}

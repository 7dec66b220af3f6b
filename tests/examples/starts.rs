//! An example that starts where another one runs or ran prints one line that names the problem.

use std::fs;
use std::process::{Command, Output};

use super::support::example::{Example, binary};
use crate::support::sentences::ANOTHER_SERVER;

/// The examples that print commands to try.
const EXAMPLES: [&str; 5] = ["todos", "chat", "versions", "front", "replica"];

/// Runs it to its exit, which must be a failure.
fn refused(name: &str, listen: &str, admin: &str) -> String {
    let mut example = Command::new(binary(name));
    let example = example.args(["--listen", listen, "--admin", admin]);
    let Output {
        status,
        stdout,
        stderr,
    } = example.output().expect("it starts");
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert!(!status.success(), "{name}: {said}");
    assert_eq!(stdout, b"", "{name}");
    assert!(
        said.starts_with(&format!("{name}: ")) && said.lines().count() == 1,
        "{said}"
    );
    said
}

#[test]
fn a_port_or_a_socket_in_use_is_named() {
    for name in EXAMPLES {
        let first = Example::start(name);
        let taken = first.base.trim_start_matches("http://");
        let free = first.directory.path().join("free.sock");
        let said = refused(name, taken, &free.display().to_string());
        assert!(
            said.contains(taken) && said.contains("in use") && said.contains("--listen"),
            "{said}"
        );
        assert!(!free.exists());

        let live = first.admin.display().to_string();
        let said = refused(name, "127.0.0.1:0", &live);
        assert!(
            said.contains(&live) && said.contains(ANOTHER_SERVER),
            "{said}"
        );

        let file = first.directory.path().join("a file");
        fs::write(&file, "kept").expect("it can be written");
        let said = refused(name, "127.0.0.1:0", &file.display().to_string());
        assert!(said.contains("a file"), "{said}");
        assert_eq!(fs::read(&file).expect("it is there"), b"kept");
    }
}

#[test]
fn after_a_kill_it_starts_again_at_the_same_place() {
    for name in EXAMPLES {
        let mut example = Example::start(name);
        example.process.kill().expect("it runs");
        example.process.wait().expect("it ends");
        assert!(example.admin.exists(), "nobody was left to remove it");
        example.restart(name);
        assert!(example.interrupt().success());
        assert!(!example.admin.exists());
    }
}

#[test]
fn it_exits_properly_when_its_output_is_closed() {
    for name in EXAMPLES {
        let mut example = Example::start(name);
        example.stop_reading();
        assert!(example.interrupt().success(), "{name}");
        assert!(!example.admin.exists(), "{name}");
    }
}

#[test]
fn every_option_is_explained() {
    for name in EXAMPLES {
        let help = Command::new(binary(name)).arg("--help").output();
        let help = String::from_utf8_lossy(&help.expect("it starts").stdout).into_owned();
        assert!(
            help.starts_with(&format!("{name} [--listen 127.0.0.1:")),
            "{help}"
        );
        let wrong = Command::new(binary(name)).arg("--port").output();
        let wrong = String::from_utf8_lossy(&wrong.expect("it starts").stderr).into_owned();
        assert!(
            wrong.starts_with(&format!("{name}: ")) && wrong.contains("--port"),
            "{wrong}"
        );
    }
}

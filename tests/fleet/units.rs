//! The units of systemd are valid, and as closed as the page says.

use std::fs;
use std::process::Command;

use crate::support::tools;
use crate::{fleet, run};

#[test]
fn systemd_accepts_the_units() {
    if !tools::have(&["systemd-analyze"], "apt-get install systemd") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mut paths = Vec::new();
    for name in ["checkout.service", "checkout-admin.socket"] {
        let unit = fs::read_to_string(fleet(name)).expect("it is there");
        // A program and a user that are here.
        let unit = unit
            .replace("/usr/bin/checkout", "/bin/true")
            .replace("User=checkout", "User=root");
        let path = directory.path().join(name);
        fs::write(&path, unit).expect("it is written");
        paths.push(path);
    }
    let printed = run(Command::new("systemd-analyze").arg("verify").args(&paths));
    assert_eq!(printed, "", "nothing to complain about");
    // In tenths: 10 is closed, 100 is open.
    let security = ["security", "--offline=yes", "--threshold=30"];
    run(Command::new("systemd-analyze")
        .args(security)
        .arg(&paths[0]));
}

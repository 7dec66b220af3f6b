//! `fleet.sh` asks several processes and merges their tables.

use std::process::Command;

use crate::support::example::Example;
use crate::support::tools;
use crate::{fleet, run};

/// Runs `fleet` in a shell, with the paths of sockets as targets.
fn ask(shell: &str, query: &str, targets: &[&str]) -> Vec<String> {
    let script = format!(". {}; fleet \"$@\"", fleet("fleet.sh").display());
    let mut command = Command::new(shell);
    command.args(["-c", &script, "fleet", query]).args(targets);
    run(&mut command).lines().map(str::to_owned).collect()
}

#[test]
fn tables_of_all_replicas_are_merged() {
    let programs = ["bash", "curl", "jq", "column"];
    if !tools::have(&programs, "apt-get install curl jq bsdextrautils") {
        return;
    }
    let replicas = [0; 3].map(|_| Example::start("sample_app"));
    let sockets = replicas
        .each_ref()
        .map(|it| it.admin.to_str().expect("it is UTF-8"));
    for shell in ["bash", "sh"] {
        let rows = ask(shell, "_cat/routes?h=path,active&s=path", &sockets);
        assert_eq!(rows.len(), 1 + 3 * 3, "{rows:#?}");
        let heading: Vec<&str> = rows[0].split_whitespace().collect();
        assert_eq!(heading, ["host", "path", "active"]);
        for socket in sockets {
            let own: Vec<&String> = rows.iter().filter(|row| row.starts_with(socket)).collect();
            assert_eq!(own.len(), 3, "{rows:#?}");
            assert!(own[0].ends_with("  /healthz  0"), "{own:#?}");
        }
        // They line up.
        let column = rows[0].find("path").expect("a heading");
        assert!(
            rows.iter().all(|row| row[..column].ends_with("  ")),
            "{rows:#?}"
        );
    }

    // One that does not answer, and a mistake.
    let rows = ask(
        "bash",
        "_cat/health?h=status",
        &[sockets[0], "/nowhere/app.sock"],
    );
    let has = |words: [&str; 2]| {
        rows.iter()
            .any(|row| words.iter().all(|word| row.contains(word)))
    };
    assert!(has([sockets[0], "green"]), "{rows:#?}");
    assert!(has(["/nowhere/app.sock", "no answer"]), "{rows:#?}");
    let rows = ask("bash", "_cat/routs", &sockets[..1]);
    assert!(
        rows[1].contains("did you mean [/_cat/routes]?"),
        "{rows:#?}"
    );
}

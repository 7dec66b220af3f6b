//! The sessions of the README, its blocks of `console`, are played in their order against the examples that run,
//! and are what a run gives. `README=overwrite cargo test --test readme` writes them so.
//!
//! It needs neither curl nor a shell: `shell` reads the few forms of commands that the README uses, `player` does
//! what they say, `shown` compares what came of it.

#![allow(unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

mod call;
mod player;
mod session;
mod shell;
mod shown;
mod table;

use std::path::Path;

use player::Player;
use session::{Part, parts, written};

#[tokio::test]
async fn the_sessions_of_the_readme_are_what_a_run_gives() {
    // The name of this process, for the audit: it stands in for curl. Where there is no such file, the audit
    // knows no names either.
    let _ = std::fs::write("/proc/self/comm", "curl");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README is there");
    let mut parts = parts(&readme);
    let has_steps = parts.iter().any(|part| matches!(part, Part::Step(_)));
    assert!(has_steps, "the README has no session");
    let (mut player, mut differences) = (Player::default(), Vec::new());
    for part in &mut parts {
        let Part::Step(step) = part else { continue };
        let (line, command) = (step.line, step.command());
        let given = player.play(&command, &step.shown).await;
        let given = given.unwrap_or_else(|why| panic!("README.md:{line}: {why}"));
        if given != step.shown {
            let (shown, given) = (step.shown.join("\n"), given.join("\n"));
            differences.push(format!(
                "README.md:{line}:\n$ {command}\n{shown}\n--- and a run gives:\n{given}\n"
            ));
        }
        step.shown = given;
    }
    if std::env::var_os("README").is_some_and(|what| what == "overwrite") {
        std::fs::write(&path, written(&parts)).expect("it can be written");
    } else {
        assert!(
            differences.is_empty(),
            "run with README=overwrite to write it:\n{}",
            differences.join("\n")
        );
    }
}

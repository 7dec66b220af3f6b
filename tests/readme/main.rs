//! The sessions of the README, the guide and `docs/operating.md`, their `console` blocks, are run
//! in order against the examples and must match. `README=overwrite cargo test --test readme`
//! updates them.
//!
//! They need neither curl nor a shell: `shell` parses the commands, `player` executes them, `shown`
//! compares their output.

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

/// In the order of the sessions: `operating.md` goes on with the service of the README.
const PAGES: [&str; 3] = [
    "underscore-runtime/guide.md",
    "README.md",
    "underscore-runtime/docs/operating.md",
];

#[tokio::test]
async fn the_sessions_of_the_readme_match_a_run() {
    // Name of this process in the audit, in place of curl. If there is no such file, the audit has
    // no names either.
    let _ = std::fs::write("/proc/self/comm", "curl");
    let is_overwrite = std::env::var_os("README").is_some_and(|what| what == "overwrite");
    let (mut player, mut differences) = (Player::default(), Vec::new());
    for page in PAGES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let text = std::fs::read_to_string(&path).expect("the page is there");
        let mut parts = parts(&text);
        let has_steps = parts.iter().any(|part| matches!(part, Part::Step(_)));
        assert!(has_steps, "{page} has no session");
        for part in &mut parts {
            let Part::Step(step) = part else { continue };
            let (line, command) = (step.line, step.command());
            let given = player.play(&command, &step.shown).await;
            let given = given.unwrap_or_else(|why| panic!("{page}:{line}: {why}"));
            if given != step.shown {
                let (shown, given) = (step.shown.join("\n"), given.join("\n"));
                differences.push(format!(
                    "{page}:{line}:\n$ {command}\n{shown}\n--- and a run gives:\n{given}\n"
                ));
            }
            step.shown = given;
        }
        if is_overwrite {
            std::fs::write(&path, written(&parts)).expect("it can be written");
        }
    }
    assert!(
        is_overwrite || differences.is_empty(),
        "run with README=overwrite to write it:\n{}",
        differences.join("\n")
    );
}

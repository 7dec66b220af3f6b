//! Each promise of docs/reliability.md names an existing test or script. Whether the promise holds
//! is for that test to show.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::files::{below, of_project};

const PAGE: &str = include_str!("../../underscore-runtime/docs/reliability.md");

/// The rows of the tables of promises: line number, and the cell with the commands.
fn rows(page: &str) -> Vec<(usize, String)> {
    let mut rows = Vec::new();
    let mut promises = false;
    for (line, number) in page.lines().zip(1..) {
        match line {
            "| promise | shown by |" => promises = true,
            _ if !line.starts_with('|') => promises = false,
            _ if promises && !line.starts_with("|---") => {
                let cells = line.trim().trim_matches('|');
                let last = cells.rsplit_once('|').map_or("", |(_, last)| last);
                rows.push((number, last.trim().to_owned()));
            }
            _ => {}
        }
    }
    rows
}

/// The parts in backticks.
fn commands(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The sources of a test binary of the root package, empty if there is no such binary.
fn sources(binary: &str) -> Vec<PathBuf> {
    let file = of_project(&format!("tests/{binary}.rs"));
    let folder = of_project(&format!("tests/{binary}"));
    let mut all = Vec::new();
    if file.is_file() {
        all.push(file);
    }
    if folder.join("main.rs").is_file() {
        below(&folder, &mut all);
    }
    all
}

/// True if `filter` is a part of a test's path, as in `cargo test`. The modules of the path are
/// files here.
fn selects(sources: &[PathBuf], filter: &str) -> bool {
    let rust = sources
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"));
    rust.into_iter().any(|path| {
        let text = fs::read_to_string(path).expect("it is text");
        let file = path.with_extension("").display().to_string();
        let module = file.trim_end_matches("/mod").replace('/', "::");
        let mut is_test = false;
        text.lines().any(|line| {
            let line = line.trim_start();
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
            let Some(function) = line.split_once("fn ").filter(|_| is_test) else {
                return false;
            };
            is_test = false;
            let name = function.1.split('(').next().unwrap_or_default();
            format!("{module}::{name}").contains(filter)
        })
    })
}

/// The mistake in a command, `None` if its test or script exists.
fn wrong(command: &str) -> Option<String> {
    let words: Vec<&str> = command
        .split_whitespace()
        .take_while(|word| *word != "--")
        .collect();
    let after = |flag: &str| {
        words
            .iter()
            .skip_while(|word| **word != flag)
            .nth(1)
            .copied()
    };
    let Some("cargo") = words.first().copied() else {
        let script = words.first().copied().unwrap_or_default();
        let is_there = script.contains('/') && Path::new(&of_project(script)).exists();
        return (!is_there).then(|| format!("there is no file {script}; name a script or a test"));
    };
    if words.get(1) != Some(&"test") {
        return None;
    }
    let sources = match (after("--test"), after("-p")) {
        (Some(binary), _) => sources(binary),
        (None, Some(package)) => {
            let mut all = Vec::new();
            let folder = of_project(&format!("{package}/src"));
            if folder.is_dir() {
                below(&folder, &mut all);
            }
            all
        }
        (None, None) => return None,
    };
    if sources.is_empty() {
        return Some("there is no such test binary or package; correct its name".to_owned());
    }
    // An argument that is neither a flag nor the value of one is the name of a test.
    let is_name = |index: &usize| {
        let before = words[index - 1];
        !words[*index].starts_with('-')
            && !["--test", "-p", "--features", "--profile"].contains(&before)
    };
    let mut names = (2..words.len()).filter(is_name).map(|index| words[index]);
    let missing = names.find(|name| !selects(&sources, name))?;
    Some(format!(
        "no test of it is selected by {missing}; correct the name"
    ))
}

#[test]
fn every_promise_names_a_test_or_a_script_that_exists() {
    let rows = rows(PAGE);
    assert!(rows.len() > 5, "only {} rows are read", rows.len());
    let mut mistakes = Vec::new();
    for (line, cell) in rows {
        if commands(&cell).next().is_none() {
            mistakes.push(format!("docs/reliability.md:{line}: no command shows it"));
        }
        for command in commands(&cell) {
            if let Some(wrong) = wrong(command) {
                mistakes.push(format!("docs/reliability.md:{line}: `{command}`: {wrong}"));
            }
        }
    }
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}

#[test]
fn a_command_without_a_test_is_reported() {
    let good = [
        "cargo test --test contract a_command_without_a_test_is_reported",
        "cargo test --test contract reliability::a_command_without",
        "cargo test --release --test house completeness::",
        "cargo test -p underscore-runtime --lib a_process_has_a_name_while_it_lives",
        "cargo deny check",
        ".ci/run",
        "tests/bench/loopback 10 3",
    ];
    for command in good {
        assert_eq!(wrong(command), None, "{command}");
    }
    let bad = [
        "cargo test --test contract a_command_that_names_nobody",
        "cargo test --test contracts",
        "cargo test --test house a_command_without_a_test_is_reported",
        "cargo test -p underscore-runtime no_such_function",
        "cargo test -p no-such-package",
        "tests/bench/no-such-script",
        "loopback",
        "",
    ];
    for command in bad {
        assert!(wrong(command).is_some(), "{command}");
    }
    let page = "| promise | shown by |\n|---|---|\n| a | b `c` d `e f` |\n| g | h |\n\n| limit |\n|---|\n| 1 |\n";
    let read: Vec<Vec<String>> = rows(page)
        .iter()
        .map(|(_, cell)| commands(cell).map(str::to_owned).collect())
        .collect();
    assert_eq!(read, [vec!["c".to_owned(), "e f".to_owned()], vec![]]);
}

//! The house keeps its order: a file of the runtime crate imports only from its own layer and those
//! below it, every room stays small enough to be seen whole, and what requests run through cannot panic.

#[allow(missing_docs, unreachable_pub)]
#[path = "support/files.rs"]
mod files;

use std::fs;
use std::path::PathBuf;

use files::{below, of_project};

/// The layers from the ground up; what stands in none of them is a mistake here.
const LAYERS: &[&[&str]] = &[
    &[
        "clock",
        "fd",
        "dir_lock",
        "log",
        "seq_count",
        "json",
        "suggest",
        "sync",
        "temporary",
        "threads",
        "truncate",
        "units",
        "visible",
    ],
    &["route", "settings", "stack", "stats", "task"],
    &["table"],
    &["settings_file"],
    &["workers"],
    &["instrument"],
    &["admin"],
    &["serve"],
    &["lib", "__private"],
];

/// Where a file has outgrown its room, a second noun has usually moved in.
const MOST_LINES: usize = 450;

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("module `{module}` is in no layer; give it one here"))
}

fn sources() -> PathBuf {
    of_project("underscore-runtime/src")
}

/// The module behind `crate::` in each place where it stands; names at the root are no modules.
fn imports(source: &str) -> impl Iterator<Item = &str> {
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            &rest[..end.unwrap_or(rest.len())]
        })
        .filter(|name| name.starts_with(char::is_lowercase))
}

#[test]
fn a_file_imports_only_from_layers_below_it() {
    let mut all = Vec::new();
    below(&sources(), &mut all);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in all {
        let relative = path.strip_prefix(sources()).expect("it is below");
        let top = relative
            .iter()
            .next()
            .expect("it has a name")
            .to_string_lossy();
        let mine = layer(top.trim_end_matches(".rs"));
        let source = fs::read_to_string(&path).expect("it is text");
        for import in imports(&source) {
            seen += 1;
            if layer(import) > mine {
                wrong.push(format!("{} imports crate::{import}", relative.display()));
            }
        }
    }
    assert!(
        seen > 30,
        "only {seen} imports were found; the reading must be wrong"
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_file_opens_with_what_lives_there_and_stays_small() {
    for folder in [
        "underscore-runtime/src",
        "underscore-macros/src",
        "tests",
        "examples",
    ] {
        let mut all = Vec::new();
        below(&of_project(folder), &mut all);
        let rust = all
            .iter()
            .filter(|path| path.extension().is_some_and(|end| end == "rs"));
        for path in rust.filter(|path| !path.iter().any(|part| part == "ui")) {
            let source = fs::read_to_string(path).expect("it is text");
            let name = path.display();
            assert!(
                source.starts_with("//!"),
                "{name} does not say what lives there"
            );
            let lines = source.lines().count();
            assert!(lines <= MOST_LINES, "{name} has {lines} lines");
        }
    }
}

/// What may panic, and is denied: on the way of a request it would be an incident of the service, and on the admin side one
/// in which nobody can look.
const MAY_PANIC: &[&str] = &[
    "arithmetic_side_effects",
    "expect_used",
    "indexing_slicing",
    "panic",
    "string_slice",
    "todo",
    "unimplemented",
    "unreachable",
    "unwrap_used",
];

#[test]
fn what_may_panic_is_denied_in_all_of_the_library() {
    let source = fs::read_to_string(sources().join("lib.rs")).expect("it is text");
    let (_, denied) = source
        .split_once("#![cfg_attr(\n    not(test),\n    deny(")
        .expect("it denies something");
    let (denied, _) = denied.split_once(')').expect("it is closed");
    let denied: Vec<&str> = denied
        .split(',')
        .filter_map(|lint| lint.trim().strip_prefix("clippy::"))
        .collect();
    for lint in MAY_PANIC {
        assert!(denied.contains(lint), "clippy::{lint} is not denied");
    }
}

/// An exception is for one item, and says why.
#[test]
fn an_exception_from_that_has_a_reason() {
    let mut all = Vec::new();
    below(&sources(), &mut all);
    for path in all {
        let source = fs::read_to_string(&path).expect("it is text");
        let name = path.display();
        for lint in MAY_PANIC.iter().map(|lint| format!("clippy::{lint}")) {
            for (at, _) in source.match_indices(&lint) {
                let before = &source[..at];
                let opened = before.rfind("#[").max(before.rfind("#!["));
                let attribute = &source[opened.unwrap_or(0)..];
                let (attribute, _) = attribute.split_once(")]").expect("it is closed");
                let is_exception = attribute.contains("allow(") || attribute.contains("expect(");
                let has_reason = attribute.starts_with("#[") && attribute.contains("reason = \"");
                assert!(!is_exception || has_reason, "{name}: {attribute}");
            }
        }
    }
}

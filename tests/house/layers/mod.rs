//! The structure of the runtime crate: no circle of imports, files of a readable size, and no code
//! that may panic.

mod imports;
mod order;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use imports::{Imports, Module};
use order::{Levels, ORDER};

use crate::support::files::{below, of_project};

/// A file above this size usually has a second subject.
const MOST_LINES: usize = 450;

fn sources() -> PathBuf {
    of_project("underscore-runtime/src")
}

fn read_imports() -> Imports {
    let mut paths = Vec::new();
    below(&sources(), &mut paths);
    let files: Vec<(String, String)> = paths
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| {
            let name = path.strip_prefix(sources()).expect("it is below");
            let text = fs::read_to_string(path).expect("it is text");
            (name.to_string_lossy().into_owned(), text)
        })
        .collect();
    Imports::read(files.iter().map(|(name, text)| (&**name, &**text)))
}

/// The path of a folder's module: `admin/cat` is `admin::cat`.
fn path_of(folder: &str) -> Module {
    let parts = folder.split('/').filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// The level of a module in its folder.
fn level(folder: &str, levels: Levels, name: &str) -> usize {
    let found = levels.iter().position(|level| level.contains(&name));
    found.unwrap_or_else(|| {
        assert!(
            name == "mod",
            "module `{name}` of folder `{folder}` has no place in `ORDER`; give it one"
        );
        levels.len()
    })
}

/// The first name in which two paths differ, for each of them.
fn fork<'a>(from: &'a Module, to: &'a Module) -> (&'a [String], &'a str, &'a str) {
    let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let name = |module: &'a Module| module.get(shared).map_or("mod", String::as_str);
    (&from[..shared], name(from), name(to))
}

/// The imports of `imports` that break `order`.
fn breaches(imports: &Imports, order: &[(&str, Levels)]) -> Vec<String> {
    let order: BTreeMap<&str, Levels> = order.iter().copied().collect();
    for (folder, levels) in &order {
        for name in imports.children(&path_of(folder)) {
            level(folder, levels, &name);
        }
    }
    let mut breaches = Vec::new();
    for (from, to) in imports.edges() {
        let (shared, upper, lower) = fork(&from, &to);
        let folder = shared.join("/");
        let Some(levels) = order.get(&*folder) else {
            continue;
        };
        if level(&folder, levels, upper) <= level(&folder, levels, lower) {
            breaches.push(format!("{} imports {}", from.join("::"), to.join("::")));
        }
    }
    breaches
}

#[test]
fn a_module_imports_only_from_modules_below_it() {
    let imports = read_imports();
    let edges = imports.edges().len();
    assert!(
        edges > 200,
        "only {edges} imports; the reading must be wrong"
    );
    let breaches = breaches(&imports, ORDER);
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn the_order_lists_every_folder_and_only_modules_that_exist() {
    let imports = read_imports();
    for (folder, levels) in ORDER {
        let children = imports.children(&path_of(folder));
        for name in levels.iter().copied().flatten().copied() {
            let exists = name == "mod" || children.iter().any(|child| child == name);
            assert!(exists, "folder `{folder}` has no module `{name}`");
        }
        for child in children {
            let inner = format!("{folder}/{child}");
            let inner = inner.trim_start_matches('/');
            let is_folder = !imports.children(&path_of(inner)).is_empty();
            let is_listed = ORDER.iter().any(|(listed, _)| *listed == inner);
            assert!(!is_folder || is_listed, "`ORDER` lacks folder `{inner}`");
        }
    }
}

#[test]
fn an_import_from_above_a_circle_and_a_module_without_a_place_are_found() {
    let order: &[(&str, Levels)] = &[("a", &[&["low"], &["one", "other"]])];
    let found = |files: &[(&str, &str)]| {
        let ground = [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod low; mod one; mod other; pub struct A;"),
        ];
        let files = ground.iter().chain(files);
        breaches(&Imports::read(files.copied()), order)
    };
    let allowed = [
        ("a/one.rs", "use super::low::X; use crate::a::low;"),
        ("a/low.rs", ""),
    ];
    assert!(found(&allowed).is_empty());
    let up = [("a/one.rs", ""), ("a/low.rs", "use super::one;")];
    assert_eq!(found(&up), ["a::low imports a::one"]);
    let parent = [("a/low.rs", "use super::A;")];
    assert_eq!(found(&parent), ["a::low imports a"]);
    let circle = [
        ("a/one.rs", "use super::other::X;"),
        ("a/other.rs", "fn f() { super::one::f() }"),
    ];
    assert_eq!(found(&circle).len(), 2);
    let inner = [
        ("a/one/mod.rs", ""),
        ("a/one/inner.rs", "use crate::a::other::X;"),
        ("a/other.rs", ""),
    ];
    assert_eq!(found(&inner), ["a::one::inner imports a::other"]);
    let unlisted = std::panic::catch_unwind(|| found(&[("a/new.rs", "")]));
    assert!(unlisted.is_err());
}

#[test]
fn a_file_opens_with_a_module_comment_and_stays_small() {
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
            assert!(source.starts_with("//!"), "{name} has no module comment");
            let lines = source.lines().count();
            assert!(lines <= MOST_LINES, "{name} has {lines} lines");
        }
    }
}

/// Lints against code that may panic: a panic in a request is an incident of the service, and one
/// on the admin side takes away the means to examine it.
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
fn lints_against_panics_are_denied_in_the_whole_library() {
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

#[test]
fn an_exception_from_these_lints_is_for_one_item_and_has_a_reason() {
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

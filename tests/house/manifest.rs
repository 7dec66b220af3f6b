//! The manifests of the published crates: the oldest supported Rust, the features, and the metadata
//! for a registry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::support::files::{metadata, of_project};

const PUBLISHED: [&str; 2] = ["underscore-macros", "underscore-runtime"];

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn texts(value: &Value) -> BTreeSet<&str> {
    list(value).iter().map(text).collect()
}

fn package<'a>(metadata: &'a Value, name: &str) -> &'a Value {
    let mut packages = list(&metadata["packages"]).iter();
    packages
        .find(|package| package["name"] == name)
        .expect("it is there")
}

fn read(path: &str) -> String {
    fs::read_to_string(of_project(path)).expect("it is text")
}

/// Major and minor version.
fn version(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().expect("a number"));
    (parts.next().expect("major"), parts.next().unwrap_or(0))
}

/// The ids of the published packages and of all their dependencies, without those of tests.
fn compiled(metadata: &Value) -> BTreeSet<&str> {
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| (text(&node["id"]), node))
        .collect();
    let mut found = BTreeSet::new();
    let mut rest: Vec<&str> = PUBLISHED
        .map(|name| text(&package(metadata, name)["id"]))
        .to_vec();
    while let Some(id) = rest.pop() {
        if found.insert(id) {
            let of_it = list(&nodes[id]["deps"]).iter();
            let is_compiled = |dependency: &&Value| {
                let mut kinds = list(&dependency["dep_kinds"]).iter();
                kinds.any(|kind| kind["kind"] != "dev")
            };
            rest.extend(of_it.filter(is_compiled).map(|other| text(&other["pkg"])));
        }
    }
    found
}

#[test]
fn no_dependency_requires_a_newer_rust() {
    let metadata = metadata();
    let ours = text(&package(&metadata, "underscore-runtime")["rust_version"]);
    let compiled = compiled(&metadata);
    assert!(compiled.len() > 50, "the reading must be wrong");
    for package in list(&metadata["packages"]) {
        if let Some(its) = package["rust_version"].as_str()
            && compiled.contains(text(&package["id"]))
        {
            let name = &package["name"];
            assert!(version(its) <= version(ours), "{name} needs Rust {its}");
        }
    }
}

#[test]
fn the_oldest_rust_is_the_same_in_every_place() {
    let metadata = metadata();
    for name in PUBLISHED {
        let manifest = read(&format!("{name}/Cargo.toml"));
        assert!(manifest.contains("\nrust-version.workspace = true\n"));
    }
    let ours = text(&package(&metadata, PUBLISHED[0])["rust_version"]);
    for path in ["README.md", "underscore-runtime/src/lib.rs"] {
        let says = format!("Rust {ours} or newer");
        assert!(read(path).contains(&says), "{path} does not say `{says}`");
    }
    for folder in [
        "tests/bench",
        "tests/linkers",
        "tests/pools",
        "tests/side-by-side",
    ] {
        let says = format!("\nrust-version = \"{ours}\"\n");
        assert!(read(&format!("{folder}/Cargo.toml")).contains(&says));
    }
    // This lint finds newer items of std where a compiler of that version is not available.
    assert!(read("Cargo.toml").contains("\nincompatible_msrv = \"warn\"\n"));
    assert!(read(".ci/run").contains("cargo \"+$oldest\" check"));
}

#[test]
fn each_feature_is_explained_in_the_manifest_and_is_a_row_of_the_crates_page() {
    let metadata = metadata();
    let features = &package(&metadata, "underscore-runtime")["features"];
    let default = texts(&features["default"]);
    let names = features.as_object().expect("an object").keys();
    let expected: Vec<(String, bool)> = names
        .filter(|name| *name != "default")
        .map(|name| (name.clone(), default.contains(&**name)))
        .collect();

    let manifest = read("underscore-runtime/Cargo.toml");
    for (name, _) in &expected {
        let (before, _) = manifest
            .split_once(&format!("\n{name} = ["))
            .expect("it is there");
        let above = before.lines().last().expect("a line");
        assert!(above.starts_with("# "), "nothing explains `{name}`");
    }

    let source = read("underscore-runtime/src/lib.rs");
    let (_, table) = source
        .split_once("//! | feature | default | adds |\n//! |---|---|---|\n")
        .expect("the table is there");
    let documented: Vec<(String, bool)> = table
        .lines()
        .map_while(|line| line.strip_prefix("//! | `")?.split_once("` | "))
        .map(|(name, rest)| (name.to_owned(), rest.starts_with("yes ")))
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn an_optional_dependency_is_enabled_by_a_feature_and_never_by_its_own_name() {
    let metadata = metadata();
    let runtime = package(&metadata, "underscore-runtime");
    let optional: BTreeSet<String> = list(&runtime["dependencies"])
        .iter()
        .filter(|dependency| dependency["optional"] == true)
        .map(|dependency| format!("dep:{}", text(&dependency["name"])))
        .collect();
    let features = runtime["features"].as_object().expect("a table");
    let turned_on: BTreeSet<String> = features
        .values()
        .flat_map(texts)
        .filter(|name| name.starts_with("dep:"))
        .map(str::to_owned)
        .collect();
    assert_eq!(optional, turned_on);
    assert!(
        !optional.is_empty(),
        "without `admin` as much is compiled as with it"
    );
}

/// `tests/house/completeness.rs` relies on this to show that one crate with `admin` enables it for
/// all.
#[test]
fn libraries_with_handlers_only_do_not_enable_admin() {
    let metadata = metadata();
    for name in ["linkers-partly", "linkers-whole"] {
        let dependencies = list(&package(&metadata, name)["dependencies"]);
        let on_runtime = dependencies
            .iter()
            .find(|dependency| dependency["name"] == "underscore-runtime")
            .expect("it has handlers");
        assert_eq!(on_runtime["uses_default_features"], false, "{name}");
        assert_eq!(texts(&on_runtime["features"]), BTreeSet::new(), "{name}");
    }
}

#[test]
fn the_metadata_for_a_registry_is_complete() {
    let metadata = metadata();
    for name in PUBLISHED {
        let package = package(&metadata, name);
        assert_eq!(package["license"], "MIT OR Apache-2.0");
        assert_eq!(package["documentation"], format!("https://docs.rs/{name}"));
        assert!(text(&package["readme"]).ends_with("README.md"));
        let description = text(&package["description"]);
        assert!(
            (20..=140).contains(&description.len()) && !description.ends_with('.'),
            "{description}"
        );
        let keywords = list(&package["keywords"]).iter().map(text);
        let is_keyword = |word: &str| {
            let valid = |c: char| c.is_ascii_alphanumeric() || "-_+".contains(c);
            word.len() <= 20
                && word.starts_with(|c: char| c.is_ascii_alphabetic())
                && word.chars().all(valid)
        };
        assert!((1..=5).contains(&keywords.len()), "{name}");
        assert!(keywords.into_iter().all(is_keyword), "{name}");
        assert!((1..=5).contains(&list(&package["categories"]).len()));
        for file in ["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"] {
            // Follow the links to the files of the project.
            assert_eq!(read(&format!("{name}/{file}")), read(file));
        }
    }
}

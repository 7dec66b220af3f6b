//! Every extractor has a row. The tables are compared with the sources of axum, axum-core and
//! axum-extra of this build, in which each `impl` of an extractor trait at the beginning of a line
//! counts. A name without a row is an error; names that axum and axum-extra share count once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{of_axum, of_axum_bodies, of_axum_extra};
use crate::support::files::{below, metadata};

/// The extractor traits.
const TRAITS: &[&str] = &[
    "FromRequest<",
    "FromRequestParts<",
    "OptionalFromRequest<",
    "OptionalFromRequestParts<",
];

#[test]
fn every_extractor_of_axum_and_axum_extra_is_in_a_table() {
    let mut extractors = BTreeSet::new();
    for package in ["axum", "axum-core", "axum-extra"] {
        let before = extractors.len();
        extractors.extend(extractors_below(&sources_of(package)));
        assert!(extractors.len() > before + 5, "{package}: {extractors:?}");
    }
    let tables = [
        of_axum::cases(),
        of_axum_bodies::cases(),
        of_axum_extra::cases(),
    ];
    let words: BTreeSet<&str> = tables
        .iter()
        .flatten()
        .flat_map(|case| case.arguments.split(|c: char| !c.is_alphanumeric()))
        .collect();
    let missing: Vec<&String> = extractors
        .iter()
        .filter(|name| !words.contains(name.as_str()))
        .collect();
    assert!(missing.is_empty(), "no handler takes {missing:?}");
}

/// The source directory of a dependency.
fn sources_of(package: &str) -> PathBuf {
    let metadata = metadata();
    let mut packages = metadata["packages"].as_array().expect("a list").iter();
    let found = packages.find(|found| found["name"] == package);
    let manifest = found.expect("it is a dependency")["manifest_path"].as_str();
    Path::new(manifest.expect("a path")).with_file_name("src")
}

/// The names of the types that implement an extractor trait. Tuples, `Option` and `Result` depend
/// on their contents, and a type parameter has no name.
fn extractors_below(sources: &Path) -> BTreeSet<String> {
    let mut files = Vec::new();
    below(sources, &mut files);
    let mut names = BTreeSet::new();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "rs"))
    {
        let source = fs::read_to_string(file).expect("it is text");
        for line in source.lines().filter(|line| line.starts_with("impl")) {
            let Some((head, implementor)) = line.split_once(" for ") else {
                continue;
            };
            let extracts = TRAITS.iter().any(|name| head.contains(&format!(" {name}")));
            let name: String = implementor
                .chars()
                .take_while(|c| c.is_alphanumeric())
                .collect();
            if extracts && name.len() > 1 {
                names.insert(name);
            }
        }
    }
    names
}

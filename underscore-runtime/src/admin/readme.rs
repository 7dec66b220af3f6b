//! For tests: blocks of the README that are made from definitions in the code, so that neither can drift.

use std::fs;
use std::path::Path;

/// Asserts that the README has `expected` between the comments `<!-- name -->` and `<!-- end -->`. With
/// `README=overwrite` in the environment it is written there instead.
pub(super) fn assert_block(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(&path).expect("the README is there");
    let begin = format!("<!-- {name} -->\n");
    let (before, rest) = readme.split_once(&begin).expect("the block is there");
    let (block, after) = rest.split_once("<!-- end -->").expect("the block ends");
    if std::env::var_os("README").is_some_and(|what| what == "overwrite") {
        let written = format!("{before}{begin}{expected}<!-- end -->{after}");
        fs::write(path, written).expect("it can be written");
    } else {
        assert_eq!(block, expected, "run with README=overwrite to write it");
    }
}

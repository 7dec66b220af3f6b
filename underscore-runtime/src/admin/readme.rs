//! For tests: blocks of the README that are made from definitions in the code, and what the guide has in common with it,
//! so that none can drift.

use std::fs;
use std::path::Path;

/// Asserts that the README has `expected` between the comments `<!-- name -->` and `<!-- end -->`. With
/// `README=overwrite` in the environment it is written there instead.
pub(super) fn assert_block(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(env!("CARGO_PKG_README"));
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

/// What the guide in the crate's documentation has in common with the README: each place in it begins with a comment,
/// `<!-- readme: Section -->` for a section without its heading, `<!-- readme settings -->` for a block.
///
/// With `README=overwrite` in the environment the guide is written anew; run it alone then, for others write the README.
#[test]
fn the_guide_says_what_the_readme_says() {
    const BEGIN: &str = "<!-- readme";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme =
        fs::read_to_string(folder.join(env!("CARGO_PKG_README"))).expect("the README is there");
    let path = folder.join("guide.md");
    let guide = fs::read_to_string(&path).expect("the guide is there");
    let mut places = guide.split(BEGIN);
    let mut written = places.next().unwrap_or_default().to_owned();
    let mut count = 0;
    for place in places {
        let (what, rest) = place.split_once(" -->\n").expect("the comment ends");
        let (_, after) = rest.split_once("<!-- end -->").expect("the place ends");
        let begin = match what.strip_prefix(": ") {
            Some(section) => format!("\n## {section}\n\n"),
            None => format!("<!--{what} -->\n"),
        };
        let (_, text) = readme.split_once(&begin).expect("the README has it");
        let end = ["\n## ", "<!-- end -->"]
            .iter()
            .filter_map(|end| text.find(end))
            .min();
        let text = without_links(&text[..end.expect("something comes after it")]);
        written.extend([BEGIN, what, " -->\n", &text, "<!-- end -->", after]);
        count += 1;
    }
    assert_eq!(count, 4, "places of the guide that the README has as well");
    if std::env::var_os("README").is_some_and(|what| what == "overwrite") {
        fs::write(path, written).expect("it can be written");
    } else {
        assert!(guide == written, "run with README=overwrite to write it");
    }
}

/// The README's links to files beside it lead nowhere from a page of documentation: what they point at is named.
fn without_links(text: &str) -> String {
    let mut parts = text.split("](");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (target, after) = part.split_once(')').expect("a link ends");
        let begin = plain.rfind('[').expect("a link begins");
        plain.truncate(begin);
        plain.extend(["`", target, "`", after]);
    }
    plain
}

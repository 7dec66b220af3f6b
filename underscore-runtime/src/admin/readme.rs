//! For tests: keeps blocks of the docs equal to definitions in the code, and sections of the guide
//! equal to the README.

use std::fs;
use std::path::Path;

/// Asserts that `page`, a path below the crate, has `expected` between the comments `<!-- name -->`
/// and `<!-- end -->`. With `README=overwrite` in the environment, the block is written instead.
pub(super) fn assert_block(page: &str, name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(&path).expect("the page is there");
    let begin = format!("<!-- {name} -->\n");
    let (before, rest) = text.split_once(&begin).expect("the block is there");
    let (block, after) = rest.split_once("<!-- end -->").expect("the block ends");
    if std::env::var_os("README").is_some_and(|what| what == "overwrite") {
        let written = format!("{before}{begin}{expected}<!-- end -->{after}");
        fs::write(path, written).expect("it can be written");
    } else {
        assert_eq!(block, expected, "run with README=overwrite to write it");
    }
}

/// Sections that the guide in the crate's documentation shares with the README: each begins with
/// the comment `<!-- readme: Section -->`, has no heading, and ends with `<!-- end -->`.
///
/// With `README=overwrite` in the environment the guide is written. Relative links would be dead in
/// the crate's documentation, so the README has none.
#[test]
fn the_guide_says_what_the_readme_says() {
    const BEGIN: &str = "<!-- readme: ";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme =
        fs::read_to_string(folder.join(env!("CARGO_PKG_README"))).expect("the README is there");
    let links = readme.split("](").skip(1);
    for target in links {
        assert!(target.starts_with("https://"), "a relative link: {target}");
    }
    let path = folder.join("guide.md");
    let guide = fs::read_to_string(&path).expect("the guide is there");
    let mut places = guide.split(BEGIN);
    let mut written = places.next().unwrap_or_default().to_owned();
    let mut count = 0;
    for place in places {
        let (section, rest) = place.split_once(" -->\n").expect("the comment ends");
        let (_, after) = rest.split_once("<!-- end -->").expect("the place ends");
        let heading = format!("\n## {section}\n\n");
        let (_, text) = readme.split_once(&heading).expect("the README has it");
        let (text, _) = text.split_once("\n## ").expect("something comes after it");
        written.extend([BEGIN, section, " -->\n", text, "<!-- end -->", after]);
        count += 1;
    }
    assert_eq!(count, 2, "sections that the guide shares with the README");
    if std::env::var_os("README").is_some_and(|what| what == "overwrite") {
        fs::write(path, written).expect("it can be written");
    } else {
        assert!(guide == written, "run with README=overwrite to write it");
    }
}

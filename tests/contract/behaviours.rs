//! Every numbered sentence of docs/admin-api.md is held by a test that names it, in a line `///
//! Holds 1.2, 3.4 of docs/admin-api.md.` above its attribute.

use std::collections::BTreeSet;
use std::fs;

use crate::PAGE;
use crate::support::files::{below, of_project};

/// Section and number of a sentence, such as `(3, 7)`.
type Item = (u32, u32);

const BEGIN: &str = "/// Holds ";
const END: &str = " of docs/admin-api.md.";

/// Parses `3.7`.
fn item(text: &str) -> Option<Item> {
    let (section, number) = text.split_once('.')?;
    Some((section.parse().ok()?, number.parse().ok()?))
}

fn shown((section, number): Item) -> String {
    format!("{section}.{number}")
}

/// The items of a page, and mistakes in their numbers.
fn items(page: &str) -> (BTreeSet<Item>, Vec<String>) {
    let (mut items, mut wrong) = (BTreeSet::new(), Vec::new());
    let mut section = 0;
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let number = heading
                .split_once('.')
                .and_then(|(number, _)| number.parse().ok());
            section = number.unwrap_or(0);
        }
        let Some((text, _)) = line
            .strip_prefix("- **")
            .and_then(|rest| rest.split_once("**"))
        else {
            continue;
        };
        match item(text) {
            None => wrong.push(format!("`{text}` is no number; write it as 3.7")),
            Some(item) if item.0 != section => {
                wrong.push(format!("{text} stands in section {section}; move it"));
            }
            Some(item) if items.last().is_some_and(|last| *last >= item) => {
                wrong.push(format!("{text} is not above the one before it; renumber"));
            }
            Some(item) => {
                items.insert(item);
            }
        }
    }
    (items, wrong)
}

/// The items held by the tests of a source, and mistakes in its tags.
fn held(name: &str, source: &str) -> (Vec<(Item, String)>, Vec<String>) {
    let (mut held, mut wrong) = (Vec::new(), Vec::new());
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    for (index, line) in lines.iter().enumerate() {
        if !(line.starts_with("///") && line.contains(END.trim_end_matches('.'))) {
            continue;
        }
        let place = format!("{name}:{}", index + 1);
        let list = line
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(END));
        let parsed: Option<Vec<Item>> = list.and_then(|list| list.split(", ").map(item).collect());
        match parsed {
            None => wrong.push(format!(
                "{place} is no tag; write `{BEGIN}3.7, 3.8{END}` on one line"
            )),
            Some(_) if !is_above_a_test(&lines[index..]) => wrong.push(format!(
                "{place} stands above no test that runs; move it to the one that asserts this"
            )),
            Some(items) => held.extend(items.into_iter().map(|item| (item, place.clone()))),
        }
    }
    (held, wrong)
}

/// True if the next function is a test that is not ignored.
fn is_above_a_test(lines: &[&str]) -> bool {
    let is_function = |line: &&&str| line.starts_with("fn ") || line.starts_with("async fn ");
    let above: Vec<&&str> = lines.iter().take_while(|line| !is_function(line)).collect();
    let any = |begin: &str| above.iter().any(|line| line.starts_with(begin));
    above.len() < lines.len()
        && (any("#[test]") || any("#[tokio::test"))
        && !any("#[ignore")
        && !above.iter().any(|line| line.is_empty())
}

#[test]
fn every_number_of_the_contract_is_held_by_a_test_and_every_tag_names_a_number() {
    let (items, mut wrong) = items(PAGE);
    assert!(items.len() > 100, "only {} items are read", items.len());
    let mut all = BTreeSet::new();
    for folder in ["tests", "underscore-runtime/src"] {
        let mut files = Vec::new();
        below(&of_project(folder), &mut files);
        files.retain(|path| path.extension().is_some_and(|end| end == "rs"));
        for path in files {
            let source = fs::read_to_string(&path).expect("it is text");
            let name = path.strip_prefix(of_project("")).expect("it is below");
            let (held, mistakes) = held(&name.display().to_string(), &source);
            wrong.extend(mistakes);
            for (item, place) in held {
                all.insert(item);
                if !items.contains(&item) {
                    let number = shown(item);
                    wrong.push(format!(
                        "{place} holds {number}, which the page does not have; correct the number"
                    ));
                }
            }
        }
    }
    let missing = items.difference(&all).map(|item| {
        let number = shown(*item);
        format!(
            "{number} is held by no test; write `{BEGIN}{number}{END}` above one that asserts it"
        )
    });
    wrong.extend(missing);
    assert!(wrong.is_empty(), "docs/admin-api.md: {wrong:#?}");
}

#[test]
fn a_wrong_number_is_reported() {
    let page = "## 1. One\n\n- **1.1** a\n- **1.3** b\n- **1.3** c\n- **1.2** d\n- **2.4** e\n- **x** f\n- **1.10** g\n";
    let (items, wrong) = items(page);
    assert_eq!(
        items.into_iter().collect::<Vec<_>>(),
        [(1, 1), (1, 3), (1, 10)]
    );
    let begins = ["1.3 ", "1.2 ", "2.4 ", "`x` "];
    assert_eq!(wrong.len(), begins.len(), "{wrong:#?}");
    for (wrong, begin) in wrong.iter().zip(begins) {
        assert!(wrong.starts_with(begin), "{wrong}");
    }
}

#[test]
fn a_tag_counts_only_as_a_whole_and_above_a_test_that_runs() {
    let tag = format!("    {BEGIN}1.1, 1.12{END}\n");
    let read = |rest: &str| held("x.rs", &format!("{tag}{rest}"));
    for rest in [
        "    #[test]\n    fn a() {",
        "    #[tokio::test(flavor = \"multi_thread\")]\n    #[allow(x)]\n    async fn a() {",
    ] {
        let (held, wrong) = read(rest);
        let items: Vec<Item> = held.into_iter().map(|(item, _)| item).collect();
        assert_eq!((items, wrong), (vec![(1, 1), (1, 12)], vec![]), "{rest}");
    }
    for rest in [
        "    fn a() {",
        "    #[ignore]\n    #[test]\n    fn a() {",
        "    struct A;\n\n    #[test]\n    fn a() {",
        "",
    ] {
        let (held, wrong) = read(rest);
        assert_eq!((held.len(), wrong.len()), (0, 1), "{rest}");
    }
    for tag in ["1.1 and 1.2", "", "1.1,1.2", "1"] {
        let (held, wrong) = held("x.rs", &format!("{BEGIN}{tag}{END}\n#[test]\nfn a() {{"));
        assert_eq!((held.len(), wrong.len()), (0, 1), "{tag}");
    }
}

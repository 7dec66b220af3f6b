//! Every public item in `underscore-runtime/public-api.txt` has an example that asserts, and a
//! section on its errors. `.ci/public-api` checks the list itself.

use std::fs;

use crate::support::files::{below, of_project};

/// A public item: its type or trait, its name, and its line in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item<'a> {
    of: Option<&'a str>,
    name: &'a str,
    listed: &'a str,
}

/// The items of a list. Implementations of traits are documented by the trait.
fn items(list: &str) -> Vec<Item<'_>> {
    let mut is_trait_impl = false;
    let mut items = Vec::new();
    for listed in list.lines() {
        let Some(public) = listed.strip_prefix("pub ") else {
            is_trait_impl = listed.contains(" for ");
            continue;
        };
        let kinds = [
            "use ", "const ", "async ", "unsafe ", "fn ", "struct ", "enum ", "trait ", "type ",
        ];
        let path = kinds
            .iter()
            .fold(public, |rest, kind| rest.strip_prefix(kind).unwrap_or(rest));
        // Skip the crate itself and methods of foreign types.
        let Some(path) = path.strip_prefix("underscore_runtime::") else {
            continue;
        };
        // `Type<T>::method(...)`
        let is_method = path.split('(').next().is_some_and(|it| it.contains(">::"));
        if is_method && is_trait_impl {
            continue;
        }
        let end = path.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        let path = path[..end.unwrap_or(path.len())].trim_end_matches(':');
        let (of, name) = match path.rsplit_once("::") {
            Some((of, name)) => (Some(of), name),
            None => (None, path),
        };
        if of.is_some() && is_trait_impl {
            continue;
        }
        is_trait_impl = false;
        items.push(Item { of, name, listed });
    }
    items
}

/// True if the line declares `name` after one of `words`.
fn declares(line: &str, words: &[&str], name: &str) -> bool {
    let line = line.trim_start();
    words.iter().any(|word| {
        let rest = line
            .strip_prefix(word)
            .and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

const TYPES: &[&str] = &["pub struct ", "pub enum ", "pub trait ", "pub type "];
const FUNCTIONS: &[&str] = &["pub fn ", "pub const fn ", "pub async fn "];

/// The documentation of an item, `None` if `source` does not declare it.
fn documentation(item: Item<'_>, source: &str) -> Option<String> {
    let lines: Vec<&str> = source.lines().collect();
    let is_macro = format!("pub use underscore_macros::{};", item.name);
    let mut inside = None;
    let place = lines.iter().position(|line| {
        if let Some(of) = item.of {
            if declares(line, &["impl "], of) || declares(line, &["pub trait "], of) {
                inside = Some(line.starts_with("pub trait "));
            } else if *line == "}" {
                inside = None;
            }
            return match inside {
                Some(true) => declares(line, &["fn ", "async fn ", "type "], item.name),
                Some(false) => declares(line, FUNCTIONS, item.name),
                None => false,
            };
        }
        // Or inside `pin_project!`.
        let is_at_the_root = !line.starts_with(' ') || line.starts_with("    pub struct ");
        **line == is_macro
            || is_at_the_root
                && (declares(line, TYPES, item.name) || declares(line, FUNCTIONS, item.name))
    })?;
    let above = lines[..place].iter().rev().map(|line| line.trim_start());
    let of_it = above.take_while(|line| line.starts_with("///") || line.starts_with("#["));
    let mut texts: Vec<&str> = of_it.filter_map(|line| line.strip_prefix("///")).collect();
    texts.reverse();
    Some(texts.join("\n"))
}

/// The examples that run as tests.
fn examples(documentation: &str) -> impl Iterator<Item = &str> {
    let blocks = documentation.split("```").skip(1).step_by(2);
    blocks.filter(|block| block.starts_with('\n'))
}

/// The part that the documentation of an item lacks, `None` if it is complete.
fn missing(item: Item<'_>, documentation: &str) -> Option<&'static str> {
    let is_shown = |line: &str| !line.trim_start().starts_with("# ");
    let asserts = |example: &str| {
        let mut shown = example.lines().filter(|line| is_shown(line));
        shown.any(|line| line.contains("assert"))
    };
    let (_, gives) = item.listed.rsplit_once(") -> ").unwrap_or_default();
    if documentation.trim().is_empty() {
        Some("any documentation")
    } else if !examples(documentation).any(asserts) {
        Some("an example that asserts")
    } else if gives.contains("Result<") && !documentation.contains(" # Errors\n") {
        Some("a section `# Errors`")
    } else {
        None
    }
}

#[test]
fn every_public_item_has_an_example_that_asserts() {
    let list = fs::read_to_string(of_project("underscore-runtime/public-api.txt"));
    let list = list.expect("the list is there");
    let items = items(&list);
    assert!(items.len() > 20, "the reading must be wrong: {items:#?}");
    let mut files = Vec::new();
    below(&of_project("underscore-runtime/src"), &mut files);
    let sources: Vec<String> = files
        .iter()
        .map(|file| fs::read_to_string(file).expect("it is text"))
        .collect();
    let mut wrong = Vec::new();
    for item in items {
        let mut found = sources
            .iter()
            .filter_map(|source| documentation(item, source));
        // Hidden generated code may have the same name, without examples.
        let first = found.next();
        let missing = match first {
            None => Some("a place in the sources"),
            Some(first) => found.fold(missing(item, &first), |least, other| {
                least.and_then(|_| missing(item, &other))
            }),
        };
        if let Some(missing) = missing {
            wrong.push(format!("`{}` lacks {missing}", item.listed));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn items_are_parsed_from_the_list_and_their_gaps_are_reported() {
    let list = "pub mod underscore_runtime\n\
        pub struct underscore_runtime::A\n\
        impl underscore_runtime::A\n\
        pub fn underscore_runtime::A::new() -> std::io::error::Result<()>\n\
        impl core::clone::Clone for underscore_runtime::A\n\
        pub fn underscore_runtime::A::clone(&self) -> Self\n\
        impl underscore_runtime::T for other::B\n\
        pub fn other::B::t(&self, underscore_runtime::A)\n\
        pub fn underscore_runtime::free<F: core::future::future::Future>(F)\n";
    let items = items(list);
    let names: Vec<_> = items.iter().map(|item| (item.of, item.name)).collect();
    assert_eq!(names, [(None, "A"), (Some("A"), "new"), (None, "free")]);

    let source = "struct B;\nimpl B {\n    pub fn new() {}\n}\nimpl A {\n    /// Makes it.\n    ///\n    /// ```\n    \
        /// assert!(true);\n    /// ```\n    #[must_use]\n    pub fn new() {}\n}\n/// Is free.\npub fn free() {}\n";
    let new = documentation(items[1], source).expect("it is there");
    assert!(new.starts_with(" Makes it."), "{new}");
    assert_eq!(missing(items[1], &new), Some("a section `# Errors`"));
    let free = documentation(items[2], source).expect("it is there");
    assert_eq!(missing(items[2], &free), Some("an example that asserts"));
    assert_eq!(documentation(items[0], source), None);
    assert_eq!(
        missing(items[2], " ```text\n assert\n ```"),
        Some("an example that asserts")
    );
}

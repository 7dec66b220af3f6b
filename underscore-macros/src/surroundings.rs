//! Detects an attribute inside an `impl` or a `trait`.
//!
//! The generated items are not allowed there, and the compiler would report an `enum` that the user
//! did not write. Macros are not told their context, so the indentation of the source is examined.

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Item, Type};

use crate::source;

/// True if the item at `span` is in an `impl` or a `trait`. False if the source is unavailable or
/// not formatted by rustfmt.
pub(crate) fn is_in_impl(span: Span) -> bool {
    with_encloser(span, begins_impl).unwrap_or(false)
}

/// The type of the `impl`, or the trait, that the item at `span` is in. `None` for other items, and
/// if the source is unavailable or not formatted by rustfmt.
pub(crate) fn owner(span: Span) -> Option<String> {
    with_encloser(span, owner_in).flatten()
}

/// Calls `examine` with the line that opens the block around the item at `span`.
fn with_encloser<R>(span: Span, examine: impl FnOnce(&str) -> R) -> Option<R> {
    let start = span.start();
    if start.column == 0 {
        return None;
    }
    let source = std::fs::read_to_string(span.local_file()?).ok()?;
    encloser(&source, start.line).map(examine)
}

/// The name in a line that begins an `impl` or a `trait`.
fn owner_in(line: &str) -> Option<String> {
    let header = line.trim().trim_end_matches('{');
    match syn::parse_str(&format!("{header} {{}}")).ok()? {
        Item::Impl(item) => type_name(&item.self_ty),
        Item::Trait(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

/// The name of the type of an `impl`, as it stands before `::method`.
pub(crate) fn type_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        other => Some(format!("<{}>", source::text(other.to_token_stream()))),
    }
}

/// The line that opens the block around line number `line`, counted from 1.
fn encloser(source: &str, line: usize) -> Option<&str> {
    let before: Vec<&str> = source.lines().take(line).collect();
    let (own, before) = before.split_last()?;
    let mut outer = before
        .iter()
        .rev()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
        .skip_while(|line| indentation(line) >= indentation(own));
    let opens = outer.next()?;
    if opens.trim() != "{" {
        return opens.ends_with('{').then_some(opens);
    }
    // The header ends with a `where` clause.
    let mut header = outer.filter(|line| indentation(line) == indentation(opens));
    header.find(|line| line.trim() != "where").copied()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn begins_impl(line: &str) -> bool {
    let words = line.trim_start();
    let words = words.strip_prefix("pub ").unwrap_or(words);
    let words = words.strip_prefix("unsafe ").unwrap_or(words);
    ["impl ", "impl<", "trait "]
        .iter()
        .any(|begin| words.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_the_type_of_the_impl_or_the_trait() {
        for (line, owner) in [
            ("impl Api {", Some("Api")),
            ("    impl<T: Send> a::Api<T> {", Some("Api")),
            ("impl<T> Service for Api<T>", Some("Api")),
            ("impl Service for [u8] {", Some("<[u8]>")),
            ("pub(crate) trait Service: Send {", Some("Service")),
            ("mod api {", None),
            ("fn one() {", None),
        ] {
            assert_eq!(owner_in(line).as_deref(), owner, "{line}");
        }
    }

    #[test]
    fn an_impl_or_a_trait_is_told_from_other_surroundings() {
        let cases = [
            ("impl Api {\n    HERE", true),
            (
                "impl<T> Api<T>\nwhere\n    T: Send,\n{\n    fn other() {\n    }\n\n    // x\n    HERE",
                true,
            ),
            ("pub trait Api {\n    HERE", true),
            ("mod api {\n    impl Api {\n        HERE", true),
            ("impl Api {}\n\nHERE", false),
            ("impl Api {\n}\nmod api {\n    HERE", false),
            ("impl Api {\n    fn one() {\n        HERE", false),
            ("fn implement() {\n    HERE", false),
            ("macro_rules! all {\n    () => {\n        HERE", false),
            ("mod api {\n    use x;\n\n    HERE", false),
            ("HERE", false),
        ];
        for (source, expected) in cases {
            let line = source.lines().count();
            let found = encloser(source, line).is_some_and(begins_impl);
            assert_eq!(found, expected, "{source}");
        }
    }
}

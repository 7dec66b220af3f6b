//! Detects an attribute inside an `impl` or a `trait`.
//!
//! The generated items are not allowed there, and the compiler would report an `enum` that the user
//! did not write. Macros are not told their context, so the indentation of the source is examined.

use proc_macro2::Span;

/// True if the item at `span` is in an `impl` or a `trait`. False if the source is unavailable or
/// not formatted by rustfmt.
pub(crate) fn is_in_impl(span: Span) -> bool {
    let start = span.start();
    if start.column == 0 {
        return false;
    }
    let source = span
        .local_file()
        .and_then(|path| std::fs::read_to_string(path).ok());
    source.is_some_and(|source| encloser(&source, start.line).is_some_and(begins_impl))
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

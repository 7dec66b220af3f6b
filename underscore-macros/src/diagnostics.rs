//! Collects all errors of one item, so that the user sees them at once, and turns them into
//! `compile_error!`. Messages are written where an error is found.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The errors found so far, in order.
#[derive(Default)]
pub(crate) struct Diagnostics {
    found: Option<syn::Error>,
}

impl Diagnostics {
    /// Adds an error with the span of `tokens`.
    pub(crate) fn error(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds an error of a parser.
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.found {
            Some(found) => found.combine(error),
            None => self.found = Some(error),
        }
    }

    /// Sets `slot`, or adds the error that `key` cannot do `twice` if it is already set.
    ///
    /// Taking the slot itself rules out that a check tests another key than the one it sets.
    pub(crate) fn set<T>(
        &mut self,
        slot: &mut Option<T>,
        key: impl ToTokens,
        value: T,
        twice: &str,
    ) {
        if slot.is_some() {
            let name = key.to_token_stream();
            self.error(key, format!("`{name}` cannot {twice}; remove one of them"));
        } else {
            *slot = Some(value);
        }
    }

    /// The `compile_error!` invocations. `None` if there are no errors.
    pub(crate) fn finish(self) -> Option<TokenStream> {
        self.found.map(syn::Error::into_compile_error)
    }
}

/// The element of `known` that `written` is a misspelling of, or the list of all.
pub(crate) fn one_of<'a>(written: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let distance = |known: &&str| strsim::osa_distance(written, known);
    match known.clone().min_by_key(distance) {
        Some(meant) if distance(&meant) <= 1 + written.len() / 4 => format!("`{meant}`"),
        _ => {
            let known: Vec<&str> = known.collect();
            format!("one of `{}`", known.join("`, `"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_word_is_corrected_and_an_unknown_one_gets_the_list() {
        let known = ["name", "inner", "crate"];
        assert_eq!(one_of("nmae", known.into_iter()), "`name`");
        assert_eq!(one_of("inne", known.into_iter()), "`inner`");
        assert_eq!(
            one_of("timeout", known.into_iter()),
            "one of `name`, `inner`, `crate`"
        );
    }
}

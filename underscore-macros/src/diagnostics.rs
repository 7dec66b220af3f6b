//! Collects every mistake of one item, so that a user mends them in one go. The words of a mistake
//! are chosen where it is found; here they are only gathered and turned into `compile_error!`.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// All mistakes found so far, in the order in which they were found.
#[derive(Default)]
pub(crate) struct Diagnostics {
    found: Option<syn::Error>,
}

impl Diagnostics {
    /// Adds a mistake that is shown under `tokens`.
    pub(crate) fn error(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds a mistake that a parser found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.found {
            Some(found) => found.combine(error),
            None => self.found = Some(error),
        }
    }

    /// Sets `slot`, or says that `key` cannot do what it does, for it is not the first.
    ///
    /// The slot itself is asked, so a check cannot look at another key than the one it guards.
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

    /// The `compile_error!` invocations, or nothing if all was well.
    pub(crate) fn finish(self) -> Option<TokenStream> {
        self.found.map(syn::Error::into_compile_error)
    }
}

/// The one of `known` that `written` was meant to be, or all of them.
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
    fn a_slip_is_put_right_and_a_stranger_gets_the_list() {
        let known = ["name", "inner", "crate"];
        assert_eq!(one_of("nmae", known.into_iter()), "`name`");
        assert_eq!(one_of("inne", known.into_iter()), "`inner`");
        assert_eq!(
            one_of("timeout", known.into_iter()),
            "one of `name`, `inner`, `crate`"
        );
    }
}

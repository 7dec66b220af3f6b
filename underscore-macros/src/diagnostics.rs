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

    /// Sets `slot`, or says that `key` stands there twice.
    ///
    /// The slot itself is asked, so a check cannot look at another key than the one it guards.
    pub(crate) fn set<T>(&mut self, slot: &mut Option<T>, key: impl ToTokens, value: T) {
        if slot.is_some() {
            let name = key.to_token_stream();
            self.error(
                key,
                format!("`{name}` cannot be given twice; remove one of them"),
            );
        } else {
            *slot = Some(value);
        }
    }

    /// The `compile_error!` invocations, or nothing if all was well.
    pub(crate) fn finish(self) -> Option<TokenStream> {
        self.found.map(syn::Error::into_compile_error)
    }
}

//! The names of the runtime that a rewritten body uses.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};

/// A name of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Import {
    At,
    AtLock,
    AtGuard,
    Acquired,
    Hold,
    Place,
    Within,
}

impl Import {
    /// Its name in the body.
    fn alias(self) -> &'static str {
        match self {
            Import::At => "__underscore_at",
            Import::AtLock => "__underscore_at_lock",
            Import::AtGuard => "__underscore_at_guard",
            Import::Acquired => "__underscore_acquired",
            Import::Hold => "__underscore_hold",
            Import::Place => "__UnderscorePlace",
            Import::Within => "__underscore_within",
        }
    }

    fn import(self) -> TokenStream {
        let alias = Ident::new(self.alias(), Span::call_site());
        match self {
            Import::At => quote!(at as #alias),
            Import::AtLock => quote!(at_lock as #alias),
            Import::AtGuard => quote!(at_guard as #alias),
            Import::Acquired => quote!(acquired as #alias),
            Import::Hold => quote!(hold as #alias),
            // The traits of its method.
            Import::Place => quote!(KnownLock as _, Place as #alias, UnknownLock as _),
            Import::Within => quote!(within as #alias),
        }
    }
}

/// The names that a body uses.
#[derive(Default)]
pub(super) struct Imports(BTreeSet<Import>);

impl Imports {
    /// The name of `import` in the body, which imports it from here on.
    pub(super) fn name(&mut self, import: Import, span: Span) -> Ident {
        self.0.insert(import);
        Ident::new(import.alias(), span)
    }
}

impl ToTokens for Imports {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let imports = self.0.iter().map(|import| import.import());
        tokens.extend(quote!(#(#imports),*));
    }
}

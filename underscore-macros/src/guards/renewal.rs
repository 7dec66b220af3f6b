//! The claim of a value that is assigned to a variable with a marker.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Ident, Stmt, Token, parse_quote};

use crate::span;

/// A statement after an assignment to `variable`. It becomes a marker once the points of the
/// assigned value are known. Until then, it is the call of a macro, which can be parsed again.
pub(super) fn of(hold: &Ident, variable: &Expr) -> Stmt {
    parse_quote!(__underscore_renewal!(#hold, #variable);)
}

/// True if `stmt` is a renewal.
pub(crate) fn is_renewal(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Macro(stmt) if stmt.mac.path.is_ident("__underscore_renewal"))
}

/// The marker of a value that was acquired at one of `points`.
pub(crate) fn renew(renewal: Stmt, points: &TokenStream) -> Stmt {
    let parts = |input: ParseStream<'_>| {
        let hold: Ident = input.parse()?;
        input.parse::<Token![,]>()?;
        Ok((hold, input.parse::<Expr>()?))
    };
    let parsed = match &renewal {
        Stmt::Macro(stmt) => parts.parse2(stmt.mac.tokens.clone()).ok(),
        _ => None,
    };
    let Some((hold, variable)) = parsed else {
        return renewal;
    };
    let span = span::generated_at(Span::call_site());
    let function = Ident::new("__underscore_hold", span);
    let marker = quote_spanned!(span=> #hold = #function(#points, &#variable););
    parse_quote!(#marker)
}

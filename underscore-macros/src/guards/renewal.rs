//! The claim of a value that is assigned to a variable with a marker.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Expr, ExprAssign, Ident, Stmt, Token, parse_quote};

use crate::span;

const MARK: &str = "__underscore_renewal";

/// A statement after an assignment to `variable`. It becomes a marker once the points of the
/// assigned value are known.
pub(super) fn of(hold: &Ident, variable: &Expr) -> Stmt {
    let assign = ExprAssign {
        attrs: vec![parse_quote!(#[__underscore_renewal])],
        left: parse_quote!(#hold),
        eq_token: <Token![=]>::default(),
        right: Box::new(variable.clone()),
    };
    Stmt::Expr(Expr::Assign(assign), Some(<Token![;]>::default()))
}

/// True if `stmt` is a renewal.
pub(crate) fn is_renewal(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Expr(Expr::Assign(assign), _) => {
            let mut attrs = assign.attrs.iter();
            attrs.any(|attr| attr.path().is_ident(MARK))
        }
        _ => false,
    }
}

/// Makes a renewal the marker of a value that was acquired at one of `points`.
pub(crate) fn renew(renewal: Stmt, points: &TokenStream) -> Stmt {
    let Stmt::Expr(Expr::Assign(ExprAssign { left, right, .. }), _) = renewal else {
        return renewal;
    };
    let span = span::generated_at(Span::call_site());
    let function = Ident::new("__underscore_hold", span);
    let marker = quote_spanned!(span=> #left = #function(#points, &#right););
    parse_quote!(#marker)
}

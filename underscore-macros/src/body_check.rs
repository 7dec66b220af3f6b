//! Generates compile-time checks that only the last argument of a handler consumes the body, so
//! that the error names the argument instead of an unsatisfied `Handler`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::function::Function;
use crate::{source, span};

/// Names of axum's extractors that consume the body. Other types are not checked, so most handlers
/// need no check. The compiler decides whether a type with such a name is axum's.
const BODY_EXTRACTORS: &[&str] = &["Body", "Bytes", "Json", "RawForm", "Request", "String"];

/// The checks of all arguments except the last one.
pub(crate) fn checks(handler: &Function) -> Vec<TokenStream> {
    let types: Vec<&Type> = handler.argument_types().collect();
    match types.split_last() {
        // A constant cannot use the generic parameters of the enclosing function.
        Some((_, parts)) if handler.sig.generics.params.is_empty() => parts
            .iter()
            .filter(|ty| has_body_extractor_name(ty))
            .map(|ty| check(ty))
            .collect(),
        _ => Vec::new(),
    }
}

fn has_body_extractor_name(ty: &Type) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    let last = path.path.segments.last();
    last.is_some_and(|last| BODY_EXTRACTORS.iter().any(|name| last.ident == name))
}

fn check(ty: &Type) -> TokenStream {
    let shown = source::text(ty.to_token_stream());
    let message = format!(
        "`{shown}` must be the last argument because it consumes the body; move it to the end"
    );
    let assert = quote_spanned! {span::generated_at(ty.span())=>
        ::core::assert!(!__underscore::Argument::<#ty>::TAKES_BODY, #message);
    };
    quote! {
        const _: () = {
            use __underscore::AnyArgument as _;
            #assert
        };
    }
}

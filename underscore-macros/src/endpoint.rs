//! Generates the endpoint type: an uninhabited type that identifies a handler to the runtime, and
//! its trait impls. In the generated `const _` block, `__underscore` is the runtime's `__private`.

use std::hash::{DefaultHasher, Hasher};

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::Ident;
use syn::ext::IdentExt;

use crate::args::Args;
use crate::function::Function;

/// The name of the endpoint type. It appears in the error for a handler that is called as a
/// function, so it names the cure. It contains a hash of the source location, so that two modules
/// with handlers of the same name can be glob re-exported together.
pub(crate) fn name(handler: &Function) -> Ident {
    let ident = handler.ident();
    let name = ident.unraw();
    let span = ident.span();
    let Some(file) = span.local_file() else {
        return format_ident!("__UnderscoreRoute_{name}__to_call_it_write_inner");
    };
    let mut hasher = DefaultHasher::new();
    // Not the whole path, which differs between machines.
    for part in file.iter().rev().take(3) {
        hasher.write(part.as_encoded_bytes());
    }
    hasher.write_usize(span.start().line);
    let hash = hasher.finish() & 0xffff;
    format_ident!("__UnderscoreRoute_{name}__to_call_it_write_inner__{hash:04x}")
}

/// The definition of the endpoint type.
pub(crate) fn definition(handler: &Function, endpoint: &Ident) -> TokenStream {
    let vis = &handler.vis;
    quote! {
        #[doc(hidden)]
        #[allow(
            non_camel_case_types, dead_code, unreachable_pub, missing_debug_implementations,
        )]
        #vis enum #endpoint {}
    }
}

/// `impl Annotated`: links the type to the entry of the handler.
pub(crate) fn annotated_impl(endpoint: &Ident) -> TokenStream {
    quote! {
        impl __underscore::Annotated for #endpoint {
            const ENTRY: &'static __underscore::HandlerEntry =
                &__UNDERSCORE_ENTRY;
        }
    }
}

/// `impl Declared`, for `mount`. `None` unless the attribute has both a method and a path.
pub(crate) fn declared_impl(endpoint: &Ident, args: &Args) -> Option<TokenStream> {
    let path = args.path.as_ref()?;
    let method = match args.method? {
        "ANY" => quote!(::core::option::Option::None),
        method => {
            let method = Ident::new(method, Span::call_site());
            quote!(::core::option::Option::Some(__underscore::MethodFilter::#method))
        }
    };
    Some(quote! {
        impl __underscore::Declared for #endpoint {
            const METHOD: ::core::option::Option<__underscore::MethodFilter> = #method;
            const PATH: &'static ::core::primitive::str = #path;
        }
    })
}

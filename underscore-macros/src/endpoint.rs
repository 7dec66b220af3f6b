//! Writes what tells the runtime of a handler: the endpoint, a type that names it, and the run of its
//! call. `__underscore` is the runtime's `__private` inside of the hidden items.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericParam, Ident, ReturnType, Type};

use crate::awaits::hygienic;
use crate::expand::Expansion;
use crate::source;

impl Expansion<'_> {
    /// The type that stands for the handler; no value of it can be made.
    pub(crate) fn endpoint_type(&self) -> TokenStream {
        let (vis, endpoint) = (&self.handler.vis, &self.endpoint);
        quote! {
            #[doc(hidden)]
            #[allow(
                non_camel_case_types, dead_code, unreachable_pub, missing_debug_implementations,
            )]
            #vis enum #endpoint {}
        }
    }

    pub(crate) fn endpoint_impl(&self) -> TokenStream {
        let endpoint = &self.endpoint;
        quote! {
            impl __underscore::Annotated for #endpoint {
                const ENTRY: &'static __underscore::HandlerEntry =
                    &__UNDERSCORE_ENTRY;
            }
        }
    }

    /// Where `mount` puts the handler, if the attribute says all of it.
    pub(crate) fn declared_impl(&self) -> Option<TokenStream> {
        let (endpoint, path) = (&self.endpoint, self.args.path.as_ref()?);
        let method = match self.args.method? {
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

    /// Checks that no argument but the last one takes the body. Only the names of axum's extractors are
    /// asked about, so most handlers have none of this; whether it is axum's type the compiler knows.
    pub(crate) fn body_checks(&self) -> Vec<TokenStream> {
        const NAMES: &[&str] = &["Body", "Bytes", "Json", "RawForm", "Request", "String"];
        let suspect = |ty: &&&Type| match ty {
            Type::Path(path) => path
                .path
                .segments
                .last()
                .is_some_and(|last| NAMES.iter().any(|name| last.ident == name)),
            _ => false,
        };
        match self
            .handler
            .argument_types()
            .collect::<Vec<_>>()
            .split_last()
        {
            // A constant cannot name the parameters of the function around it.
            Some((_, parts)) if self.handler.sig.generics.params.is_empty() => parts
                .iter()
                .filter(suspect)
                .map(|ty| body_check(ty))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The run of the function with the body. Its place is the return type's, so that a type which is no
    /// future or no response is blamed there.
    pub(crate) fn run(&self) -> TokenStream {
        let inner = self.inner_name();
        let generics = self.handler.sig.generics.params.iter().filter_map(argument);
        let count = self.handler.argument_types().count();
        let values: Vec<Ident> = (0..count)
            .map(|index| format_ident!("__arg{index}"))
            .collect();
        let place = match &self.handler.sig.output {
            ReturnType::Type(_, ty) => ty.span(),
            ReturnType::Default => inner.span(),
        };
        let place = hygienic(place);
        let run = if self.is_generic() {
            "run_generic"
        } else {
            "run"
        };
        let run = Ident::new(run, place);
        quote_spanned!(place=>
            __call.#run(|(#(#values,)*)| #inner::<#(#generics),*>(#(#values),*))
        )
    }
}

fn body_check(ty: &Type) -> TokenStream {
    let shown = source::text(ty.to_token_stream());
    let message =
        format!("`{shown}` must be the last argument, for it takes the body; move it to the end");
    let assert = quote_spanned! {hygienic(ty.span())=>
        ::core::assert!(!__underscore::Argument::<#ty>::TAKES_BODY, #message);
    };
    quote! {
        const _: () = {
            use __underscore::AnyArgument as _;
            #assert
        };
    }
}

/// The parameter as an argument: `T`, `N`.
fn argument(param: &GenericParam) -> Option<&Ident> {
    match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    }
}

//! Writes the endpoint: the type that names a handler to the runtime, and its implementation, which does
//! what axum's `Handler` does for a function. `__underscore` is the runtime's `private` there.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericParam, Generics, Ident, ReturnType, Type, parse_quote};

use crate::awaits::hygienic;
use crate::expand::Expansion;
use crate::source;

impl Expansion<'_> {
    /// The type that stands for the handler in trait bounds; no value of it is ever made.
    pub(crate) fn endpoint_type(&self) -> TokenStream {
        let (vis, endpoint) = (&self.handler.vis, &self.endpoint);
        let generics = &self.handler.sig.generics;
        let declared = generics.params.iter().filter_map(declaration);
        let types = generics.type_params().map(|param| &param.ident);
        // `*const` and not the types themselves, for some have no size.
        quote! {
            #[doc(hidden)]
            #[allow(non_camel_case_types, dead_code, unreachable_pub)]
            #vis struct #endpoint<#(#declared),*>(
                ::core::marker::PhantomData<fn() -> (#(*const #types,)*)>
            );
        }
    }

    /// The endpoint's type with the handler's own parameters.
    pub(crate) fn endpoint_of_handler(&self) -> TokenStream {
        let endpoint = &self.endpoint;
        let arguments = self.generic_arguments();
        quote!(#endpoint<#(#arguments),*>)
    }

    pub(crate) fn endpoint_impl(&self) -> TokenStream {
        let names = Names::new();
        let generics = self.endpoint_generics(&names);
        let (params, _, bounds) = generics.split_for_impl();
        let (state, marker) = (&names.state, self.marker(&names));
        let endpoint = self.endpoint_of_handler();
        let call = self.call(&names);
        quote! {
            impl #params __underscore::Endpoint<#state, #marker> for #endpoint #bounds {
                fn descriptor() -> &'static __underscore::RouteDescriptor {
                    &__UNDERSCORE_DESCRIPTOR
                }
                #call
            }
        }
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
        match self.argument_types().split_last() {
            // A constant cannot name the parameters of the function around it.
            Some((_, parts)) if self.handler.sig.generics.params.is_empty() => parts
                .iter()
                .filter(suspect)
                .map(|ty| body_check(ty))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The handler's parameters and bounds, and those that axum puts on its arguments.
    fn endpoint_generics(&self, names: &Names) -> Generics {
        let Names { state, via } = names;
        let mut generics = self.handler.sig.generics.clone();
        let of_handler: Vec<Ident> = generics
            .type_params()
            .map(|param| param.ident.clone())
            .collect();
        generics.params.push(parse_quote!(#state));
        if !self.handler.sig.inputs.is_empty() {
            generics.params.push(parse_quote!(#via));
        }
        let bounds = &mut generics.make_where_clause().predicates;
        for param in of_handler {
            bounds.push(parse_quote!(#param: 'static));
        }
        bounds.push(parse_quote! {
            #state: ::core::clone::Clone + ::core::marker::Send + ::core::marker::Sync + 'static
        });
        let types = self.argument_types();
        if let Some((last, parts)) = types.split_last() {
            for ty in parts {
                let bound = quote_spanned!(hygienic(ty.span())=>
                    __underscore::FromRequestParts<#state> + ::core::marker::Send);
                bounds.push(parse_quote!(#ty: #bound));
            }
            let bound = quote_spanned!(hygienic(last.span())=>
                __underscore::FromRequest<#state, #via> + ::core::marker::Send);
            bounds.push(parse_quote!(#last: #bound));
        }
        generics
    }

    /// axum's marker for the last argument: does it take the body?
    fn marker(&self, names: &Names) -> TokenStream {
        if self.handler.sig.inputs.is_empty() {
            quote!(())
        } else {
            names.via.to_token_stream()
        }
    }

    /// Extracts, calls, responds.
    fn call(&self, names: &Names) -> TokenStream {
        let state = &names.state;
        let types = self.argument_types();
        let values: Vec<Ident> = (0..types.len())
            .map(|index| format_ident!("__arg{index}"))
            .collect();
        let extract = types
            .split_last()
            .map(|(last, parts)| extract(names, &values, parts, last));
        let respond = self.respond(&values);
        let (request_name, state_name) = if types.is_empty() {
            (quote!(_), quote!(_))
        } else {
            (quote!(__request), quote!(__state))
        };
        // The future stands where the function does: what it holds over an await is blamed there.
        let place = hygienic(self.handler.ident().span());
        let future = quote_spanned!(place=>
            impl ::core::future::Future<Output = __underscore::Answer> + ::core::marker::Send);
        let block = quote_spanned!(place=> async move { #extract #respond });
        quote! {
            fn call(#request_name: __underscore::Request, #state_name: #state) -> #future {
                #block
            }
        }
    }

    /// The call of the function with the body. Its place is the return type's, so that a type which is
    /// no future or no response is blamed there.
    fn respond(&self, values: &[Ident]) -> TokenStream {
        let inner = self.inner_name();
        let generics = self.generic_arguments();
        let place = match &self.handler.sig.output {
            ReturnType::Type(_, ty) => ty.span(),
            ReturnType::Default => inner.span(),
        };
        quote_spanned!(hygienic(place)=>
            __underscore::respond(#inner::<#(#generics),*>(#(#values),*).await)
        )
    }

    fn argument_types(&self) -> Vec<&Type> {
        self.handler.argument_types().collect()
    }

    /// The handler's parameters as arguments: `T`, `N`.
    fn generic_arguments(&self) -> impl Iterator<Item = &Ident> {
        self.handler.sig.generics.params.iter().filter_map(argument)
    }
}

/// The statements that make `values` from the request.
fn extract(names: &Names, values: &[Ident], parts: &[&Type], last: &Type) -> TokenStream {
    let Names { state, via } = names;
    let (part_values, last_value) = (&values[..parts.len()], &values[parts.len()]);
    let part_indexes = (0..parts.len()).map(Literal::usize_unsuffixed);
    let last_index = Literal::usize_unsuffixed(parts.len());
    let mutable = (!parts.is_empty()).then(|| quote!(mut));
    quote! {
        let (#mutable __parts, __body) = __request.into_parts();
        #(
            let #part_values = __underscore::extract_part::<#parts, #state>(
                &mut __parts, &__state, &__UNDERSCORE_EXTRACTORS[#part_indexes],
            ).await?;
        )*
        let #last_value = __underscore::extract_last::<#last, #state, #via>(
            __parts, __body, &__state, &__UNDERSCORE_EXTRACTORS[#last_index],
        ).await?;
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

/// The names of the implementation's own parameters.
struct Names {
    state: Ident,
    via: Ident,
}

impl Names {
    fn new() -> Self {
        Names {
            state: Ident::new("__UnderscoreState", Span::call_site()),
            via: Ident::new("__UnderscoreVia", Span::call_site()),
        }
    }
}

/// `T: ?Sized`, `const N: usize`: the parameter without its own bounds and default.
fn declaration(param: &GenericParam) -> Option<TokenStream> {
    match param {
        GenericParam::Type(param) => {
            let ident = &param.ident;
            Some(quote!(#ident: ?::core::marker::Sized))
        }
        GenericParam::Const(param) => {
            let (ident, ty) = (&param.ident, &param.ty);
            Some(quote!(const #ident: #ty))
        }
        GenericParam::Lifetime(_) => None,
    }
}

fn argument(param: &GenericParam) -> Option<&Ident> {
    match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    }
}

//! Writes what the compiler gets in place of the annotated function: one small function per
//! generated item. What the generated names do is documented in the runtime crate's `private`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Block, GenericParam, Generics, Ident, Path, Stmt, parse_quote};

use crate::args::Args;
use crate::awaits::{self, Point};
use crate::diagnostics::Diagnostics;
use crate::handler::Handler;

/// Attributes that say something about the name that users see, so they move to the function that
/// takes the call.
const FACE_ONLY: &[&str] = &["doc", "deprecated", "must_use"];

/// Attributes that every generated item needs.
const EVERYWHERE: &[&str] = &["cfg"];

/// Attributes that hold for both functions.
const BOTH: &[&str] = &["cfg", "allow", "expect", "warn", "deny", "forbid"];

/// `#[underscore_route(args)] item`. Never fails: what is wrong comes back beside the user's item.
pub(crate) fn route(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let args = Args::parse(args, &mut diagnostics);
    let handler: Handler = match syn::parse2(item.clone()) {
        Ok(handler) => handler,
        Err(error) => {
            diagnostics.push(error);
            let errors = diagnostics.finish();
            return quote!(#errors #item);
        }
    };
    handler.check(&mut diagnostics);
    if let Some(errors) = diagnostics.finish() {
        return quote!(#errors #item);
    }
    Expansion::new(&args, &handler).into_tokens()
}

/// Everything the generated items are written from.
struct Expansion<'a> {
    args: &'a Args,
    handler: &'a Handler,
    /// `::underscore_runtime`, or what `crate = ...` says.
    runtime: Path,
    /// The type that names this handler to the runtime.
    endpoint: Ident,
    /// The attributes for every item: `cfg`.
    cfg: Vec<&'a Attribute>,
}

impl<'a> Expansion<'a> {
    fn new(args: &'a Args, handler: &'a Handler) -> Self {
        let runtime = match &args.runtime {
            Some(path) => path.clone(),
            None => parse_quote!(::underscore_runtime),
        };
        Expansion {
            args,
            handler,
            runtime,
            endpoint: format_ident!("__UnderscoreRoute_{}", handler.ident()),
            cfg: handler.attrs_named(EVERYWHERE).collect(),
        }
    }

    fn into_tokens(self) -> TokenStream {
        let endpoint = self.endpoint_type();
        let face = self.face();
        let cfg = &self.cfg;
        let (kept, hidden) = match &self.args.inner {
            Some(name) => (Some(self.inner(name)), None),
            None => (None, Some(self.inner(self.handler.ident()))),
        };
        let extractors = self.extractors();
        let descriptor = self.descriptor();
        let endpoint_impl = self.endpoint_impl();
        quote! {
            #endpoint
            #face
            #kept
            #(#cfg)*
            const _: () = {
                #hidden
                #extractors
                #descriptor
                #endpoint_impl
            };
        }
    }

    /// The type that stands for the handler in trait bounds; no value of it is ever made.
    fn endpoint_type(&self) -> TokenStream {
        let Expansion {
            endpoint,
            cfg,
            handler,
            ..
        } = self;
        let vis = &handler.vis;
        let declared = bare_declarations(&handler.sig.generics);
        let types = handler.sig.generics.type_params().map(|param| &param.ident);
        quote! {
            #(#cfg)*
            #[doc(hidden)]
            #[allow(non_camel_case_types, dead_code, unreachable_pub)]
            #vis struct #endpoint #declared (
                ::core::marker::PhantomData<fn() -> (#(#types,)*)>
            );
        }
    }

    /// The function that keeps the handler's name: it takes the call and returns it.
    fn face(&self) -> TokenStream {
        let Expansion {
            handler, runtime, ..
        } = self;
        let attrs = handler
            .attrs_named(FACE_ONLY)
            .chain(handler.attrs_named(BOTH));
        let (vis, ident) = (&handler.vis, handler.ident());
        let (params, _, bounds) = handler.sig.generics.split_for_impl();
        let endpoint = self.endpoint();
        quote! {
            #(#attrs)*
            #vis fn #ident #params (
                call: #runtime::private::Call<#endpoint>
            ) -> #runtime::private::Call<#endpoint> #bounds {
                call
            }
        }
    }

    /// The function as the user wrote it, its awaits rewritten.
    fn inner(&self, name: &Ident) -> TokenStream {
        let Expansion {
            handler, runtime, ..
        } = self;
        let attrs = handler.attrs_except(FACE_ONLY);
        let mut sig = handler.sig.clone();
        sig.ident = name.clone();
        let vis = self.args.inner.as_ref().map(|_| &handler.vis);
        let hidden = vis.map(|_| quote!(#[doc(hidden)]));
        let body = body(handler, runtime);
        quote! {
            #(#attrs)*
            #hidden
            #vis #sig #body
        }
    }

    /// One await point for each extractor: a request can be stuck before the body begins.
    fn extractors(&self) -> Option<TokenStream> {
        let Expansion {
            handler, runtime, ..
        } = self;
        let function = function_name(handler);
        let points: Vec<TokenStream> = handler
            .sig
            .inputs
            .iter()
            .map(|argument| Point::new(argument.span(), argument).expression(runtime, &function))
            .collect();
        let count = points.len();
        (count > 0).then(|| {
            quote! {
                static EXTRACTORS: [#runtime::private::AwaitPoint; #count] = [#(#points),*];
            }
        })
    }

    /// The static that makes the handler a row of `_cat/routes`, and its entry in the slice.
    fn descriptor(&self) -> TokenStream {
        let Expansion {
            args,
            handler,
            runtime,
            ..
        } = self;
        let function = function_name(handler);
        let name = args.name.iter().map(|name| quote!(.name(#name)));
        let method = args.method.iter().map(|method| quote!(.method(#method)));
        let path = args.path.iter().map(|path| quote!(.path(#path)));
        quote! {
            static DESCRIPTOR: #runtime::private::RouteDescriptor =
                #runtime::private::RouteDescriptor::new(
                    #function, ::core::file!(), ::core::line!(), ::core::column!(),
                )
                #(#name)* #(#method)* #(#path)*;

            #[#runtime::private::linkme::distributed_slice(#runtime::private::ROUTES)]
            #[linkme(crate = #runtime::private::linkme)]
            static ENTRY: &#runtime::private::RouteDescriptor = &DESCRIPTOR;
        }
    }

    /// What axum's `Handler` does for a function: extract, call, respond.
    fn endpoint_impl(&self) -> TokenStream {
        let Expansion {
            handler, runtime, ..
        } = self;
        let endpoint = self.endpoint();
        let types: Vec<_> = handler.argument_types().collect();
        let state = Ident::new("__UnderscoreState", Span::call_site());
        let via = Ident::new("__UnderscoreVia", Span::call_site());
        let marker = match types.is_empty() {
            true => quote!(()),
            false => via.to_token_stream(),
        };

        let mut generics = handler.sig.generics.clone();
        generics.params.push(parse_quote!(#state));
        if !types.is_empty() {
            generics.params.push(parse_quote!(#via));
        }
        let bounds = &mut generics.make_where_clause().predicates;
        bounds.push(parse_quote!(#state: ::core::clone::Clone + ::core::marker::Send + ::core::marker::Sync + 'static));
        if let Some((last, parts)) = types.split_last() {
            for ty in parts {
                let bound = quote_spanned!(awaits::hygienic(ty.span())=>
                    #runtime::private::FromRequestParts<#state> + ::core::marker::Send);
                bounds.push(parse_quote!(#ty: #bound));
            }
            let bound = quote_spanned!(awaits::hygienic(last.span())=>
                #runtime::private::FromRequest<#state, #via> + ::core::marker::Send);
            bounds.push(parse_quote!(#last: #bound));
        }
        let (params, _, bounds) = generics.split_for_impl();
        let call = self.call(&types, &state, &via);
        quote! {
            impl #params #runtime::private::Endpoint<#state, #marker> for #endpoint #bounds {
                fn descriptor() -> &'static #runtime::private::RouteDescriptor {
                    &DESCRIPTOR
                }
                #call
            }
        }
    }

    fn call(&self, types: &[&syn::Type], state: &Ident, via: &Ident) -> TokenStream {
        let Expansion {
            args,
            handler,
            runtime,
            ..
        } = self;
        let inner = args.inner.as_ref().unwrap_or(handler.ident());
        let generics = handler.sig.generics.params.iter().filter_map(argument);
        let values: Vec<Ident> = (0..types.len())
            .map(|index| format_ident!("arg{index}"))
            .collect();
        let extract = types.split_last().map(|(last, parts)| {
            let last_value = &values[parts.len()];
            let last_index = parts.len();
            let part_values = &values[..parts.len()];
            let part_indexes = 0..parts.len();
            quote! {
                let (mut parts, body) = request.into_parts();
                #(
                    let #part_values = #runtime::private::extract_part::<#parts, #state>(
                        &mut parts, &state, &EXTRACTORS[#part_indexes],
                    ).await?;
                )*
                let #last_value = #runtime::private::extract_last::<#last, #state, #via>(
                    parts, body, &state, &EXTRACTORS[#last_index],
                ).await?;
            }
        });
        let (request, state_name) = match types.is_empty() {
            true => (quote!(_request), quote!(_state)),
            false => (quote!(request), quote!(state)),
        };
        quote! {
            fn call(
                #request: #runtime::private::Request,
                #state_name: #state,
            ) -> impl ::core::future::Future<Output = #runtime::private::Answer>
                   + ::core::marker::Send {
                async move {
                    #extract
                    #runtime::private::respond(#inner::<#(#generics),*>(#(#values),*).await)
                }
            }
        }
    }

    /// The endpoint's type with the handler's own generics.
    fn endpoint(&self) -> TokenStream {
        let endpoint = &self.endpoint;
        let generics = self.handler.sig.generics.params.iter().filter_map(argument);
        quote!(#endpoint<#(#generics),*>)
    }
}

/// The body with its awaits rewritten, or untouched where it is no Rust (yet): then the compiler
/// says what is wrong, and an editor still completes in it.
fn body(handler: &Handler, runtime: &Path) -> TokenStream {
    let mut text = TokenStream::new();
    handler.brace.surround(&mut text, |inside| {
        handler.body.to_tokens(inside);
    });
    let Ok(mut block) = syn::parse2::<Block>(text.clone()) else {
        return text;
    };
    let name = quote!(__UNDERSCORE_POINTS);
    let points = awaits::rewrite(&mut block, runtime, &name);
    if !points.is_empty() {
        let count = points.len();
        let function = function_name(handler);
        let points = points
            .iter()
            .map(|point| point.expression(runtime, &function));
        let statement: Stmt = parse_quote! {
            static __UNDERSCORE_POINTS: [#runtime::private::AwaitPoint; #count] = [#(#points),*];
        };
        block.stmts.insert(0, statement);
    }
    block.into_token_stream()
}

/// `crate::module::function`, the handler's path.
fn function_name(handler: &Handler) -> TokenStream {
    let suffix = format!("::{}", handler.ident());
    quote!(::core::concat!(::core::module_path!(), #suffix))
}

/// `<T, const N: usize>`: the parameters without bounds and defaults.
fn bare_declarations(generics: &Generics) -> TokenStream {
    let params = generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(param.ident.to_token_stream()),
        GenericParam::Const(param) => {
            let (ident, ty) = (&param.ident, &param.ty);
            Some(quote!(const #ident: #ty))
        }
        GenericParam::Lifetime(_) => None,
    });
    quote!(<#(#params),*>)
}

/// The parameter as an argument: `T`, `N`.
fn argument(param: &GenericParam) -> Option<&Ident> {
    match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    }
}

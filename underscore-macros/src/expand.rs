//! Writes what the compiler gets in place of the annotated function: one small function per generated
//! item. The endpoint, through which the runtime calls the handler, is in `endpoint`; what the
//! generated names do is documented in the runtime crate's `__private`.

use std::hash::{DefaultHasher, Hasher};

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{
    Ident, Path, ReturnType, Type, TypeImplTrait, TypeInfer, TypeNever, Visibility, WhereClause,
    parse_quote,
};

use crate::args::Args;
use crate::attrs::Attrs;
use crate::awaits::{self, Point};
use crate::diagnostics::Diagnostics;
use crate::handler::Handler;

/// `#[underscore_route(args)] item`. Never fails: what is wrong comes back beside the user's item.
pub(crate) fn route(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let written = args.clone();
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
    let expansion = Expansion::new(&args, &handler);
    match handler.split() {
        None => expansion.into_tokens(),
        Some(handlers) => {
            let runtime = &expansion.runtime;
            let routes = handlers.iter().map(|(condition, handler)| {
                quote!(#[cfg(#condition)] #[#runtime::underscore_route(#written)] #handler)
            });
            routes.collect()
        }
    }
}

/// Everything the generated items are written from.
pub(crate) struct Expansion<'a> {
    pub(crate) args: &'a Args,
    pub(crate) handler: &'a Handler,
    attrs: Attrs,
    /// `::underscore_runtime`, or what `crate = ...` says.
    pub(crate) runtime: Path,
    /// The type that names this handler to the runtime.
    pub(crate) endpoint: Ident,
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
            attrs: Attrs::sort(&handler.attrs),
            runtime,
            endpoint: endpoint_name(handler),
        }
    }

    fn into_tokens(self) -> TokenStream {
        let (cfg, runtime) = (&self.attrs.every, &self.runtime);
        let endpoint_type = self.endpoint_type();
        let inner = self.inner();
        // The plain function is out of sight, unless it was given a name.
        let (seen, unseen) = match self.args.inner {
            Some(_) => (Some(inner), None),
            None => (None, Some(inner)),
        };
        let face = self.face(unseen.as_ref());
        let descriptor = self.descriptor();
        let body_checks = self.body_checks();
        let endpoint_impl = self.endpoint_impl();
        let declared_impl = self.declared_impl();
        quote! {
            #(#cfg)*
            #endpoint_type
            #face
            #seen
            #(#cfg)*
            const _: () = {
                use #runtime::__private as __underscore;
                #descriptor
                #(#body_checks)*
                #endpoint_impl
                #declared_impl
            };
        }
    }

    /// The function that keeps the handler's name: it takes the call and runs `unseen`, or the function
    /// that was given a name.
    fn face(&self, unseen: Option<&TokenStream>) -> TokenStream {
        let (handler, runtime, attrs) = (self.handler, &self.runtime, &self.attrs.face);
        let (vis, ident, endpoint) = (&handler.vis, handler.ident(), &self.endpoint);
        let (params, _, _) = handler.sig.generics.split_for_impl();
        let bounds = self.bounds();
        let types = handler.argument_types();
        let future = quote! {
            impl ::core::future::Future<Output = #runtime::__private::Response>
        };
        let future = awaits::respanned(future, awaits::hygienic(ident.span()));
        let run = self.run();
        quote! {
            #(#attrs)*
            #vis fn #ident #params (
                __call: #runtime::__private::Call<#endpoint, (#(#types,)*)>
            ) -> #future #bounds {
                #unseen
                #run
            }
        }
    }

    /// The handler's bounds, and a `Sized` bound on its return type. Without the bound, the return
    /// type would not be part of a public signature, and its methods could become dead code.
    fn bounds(&self) -> Option<WhereClause> {
        let mut generics = self.handler.sig.generics.clone();
        if let ReturnType::Type(_, ty) = &self.handler.sig.output
            && !matches!(self.handler.vis, Visibility::Inherited)
            && can_be_bounded(ty)
        {
            let bound = parse_quote!(#ty: ::core::marker::Sized);
            generics.make_where_clause().predicates.push(bound);
        }
        generics.where_clause
    }

    /// True if there are types that are known only where the handler is mounted. Its future may be
    /// `Send` for some of them and not for others, and axum asks for those that are mounted.
    pub(crate) fn is_generic(&self) -> bool {
        let mut types = self.handler.sig.generics.type_params();
        types.next().is_some()
    }

    /// The function as the user wrote it, its awaits rewritten.
    fn inner(&self) -> TokenStream {
        let attrs = &self.attrs.inner;
        let mut sig = self.handler.sig.clone();
        sig.ident = self.inner_name().clone();
        let seen = self.args.inner.as_ref().map(|_| {
            let vis = &self.handler.vis;
            quote!(#[doc(hidden)] #vis)
        });
        let body = awaits::body(self.handler, &self.runtime);
        // A handler is async for its caller's sake, and is mounted where one likes; clippy knows that of the
        // function that it sees in `get(...)`, but not of this one.
        quote! {
            #(#attrs)*
            #[allow(clippy::single_call_fn, clippy::unused_async)]
            #seen #sig #body
        }
    }

    /// The name of the function with the body.
    pub(crate) fn inner_name(&self) -> &Ident {
        self.args.inner.as_ref().unwrap_or(self.handler.ident())
    }

    /// The arguments for the descriptor, each an await point: a request can be stuck before the body begins.
    fn arguments(&self) -> Option<TokenStream> {
        let function = self.handler.function_name();
        let kind = quote!(__underscore::AwaitPoint);
        let inputs = &self.handler.sig.inputs;
        let points = inputs
            .iter()
            .map(|input| Point::new(input.span(), input).expression(&kind, &function));
        (!inputs.is_empty()).then(|| quote!(.arguments(&[#(#points),*])))
    }

    /// The static that makes the handler a row of `_cat/routes`, and its entry in the slice.
    fn descriptor(&self) -> TokenStream {
        let args = self.args;
        let function = self.handler.function_name();
        let name = args.name.iter().map(|name| quote!(.name(#name)));
        let method = args.method.iter().map(|method| quote!(.method(#method)));
        let path = args.path.iter().map(|path| quote!(.path(#path)));
        let arguments = self.arguments();
        quote! {
            static __UNDERSCORE_ENTRY: __underscore::HandlerEntry =
                __underscore::HandlerEntry::new(
                    #function, ::core::file!(), ::core::line!(), ::core::column!(),
                )
                #(#name)* #(#method)* #(#path)* #arguments;

            #[__underscore::linkme::distributed_slice(__underscore::ROUTES)]
            #[linkme(crate = __underscore::linkme)]
            static __UNDERSCORE_LINK: &__underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
        }
    }
}

/// The name of the endpoint type. It appears in the error for a handler that is called as a
/// function, so it names the cure. It contains a hash of the source location, so that two modules
/// with handlers of the same name can be glob re-exported together.
fn endpoint_name(handler: &Handler) -> Ident {
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
    let place = hasher.finish() & 0xffff;
    format_ident!("__UnderscoreRoute_{name}__to_call_it_write_inner__{place:04x}")
}

/// True if the type can appear in a bound: it contains no `impl Trait`, `!` or `_`.
fn can_be_bounded(ty: &Type) -> bool {
    struct Unnamed(bool);
    impl Visit<'_> for Unnamed {
        fn visit_type_impl_trait(&mut self, _: &TypeImplTrait) {
            self.0 = true;
        }
        fn visit_type_never(&mut self, _: &TypeNever) {
            self.0 = true;
        }
        fn visit_type_infer(&mut self, _: &TypeInfer) {
            self.0 = true;
        }
    }
    let mut unnamed = Unnamed(false);
    unnamed.visit_type(ty);
    !unnamed.0
}

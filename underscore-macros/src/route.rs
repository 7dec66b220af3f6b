//! `#[underscore_route]`: replaces a handler by a function that takes the whole call, the plain
//! function behind it, and the static that registers it. One small method per generated item.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{
    GenericParam, Ident, Path, ReturnType, Type, TypeImplTrait, TypeInfer, TypeNever, Visibility,
    WhereClause, parse_quote,
};

use crate::args::Args;
use crate::attrs::Attrs;
use crate::awaits::{self, Point};
use crate::diagnostics::Diagnostics;
use crate::function::Function;
use crate::{body_check, check, endpoint, entry, kept, span};

/// Expands `#[underscore_route(args)] item`. On errors, returns them beside the unchanged item.
pub(crate) fn route(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let args_tokens = args.clone();
    let args = Args::parse(args, &mut diagnostics);
    let handler: Function = match syn::parse2(item.clone()) {
        Ok(handler) => handler,
        Err(error) => {
            diagnostics.push(error);
            let errors = diagnostics.finish();
            return quote!(#errors #item);
        }
    };
    check::check(&handler, args.keep.is_some(), &mut diagnostics);
    if let Some(errors) = diagnostics.finish() {
        return quote!(#errors #item);
    }
    if args.keep.is_some() {
        return kept::expand(&args, handler);
    }
    let expansion = Expansion::new(&args, &handler);
    match handler.split_at_cfg() {
        None => expansion.into_tokens(),
        Some(handlers) => {
            let runtime = &expansion.runtime;
            let routes = handlers.iter().map(|(condition, handler)| {
                quote! {
                    #[cfg(#condition)]
                    #[#runtime::underscore_route(#args_tokens)]
                    #handler
                }
            });
            routes.collect()
        }
    }
}

/// The input of all generated items.
struct Expansion<'a> {
    args: &'a Args,
    handler: &'a Function,
    attrs: Attrs,
    /// `::underscore_runtime`, or the value of `crate = ...`.
    runtime: Path,
    /// The name of the endpoint type.
    endpoint: Ident,
}

impl<'a> Expansion<'a> {
    fn new(args: &'a Args, handler: &'a Function) -> Self {
        Expansion {
            args,
            handler,
            attrs: Attrs::sort(&handler.attrs),
            runtime: args.runtime(),
            endpoint: endpoint::name(handler),
        }
    }

    fn into_tokens(self) -> TokenStream {
        let (cfg, runtime) = (&self.attrs.all, &self.runtime);
        let endpoint_type = endpoint::definition(self.handler, &self.endpoint);
        let inner = self.inner();
        // Nested in the outer function, unless `inner = ...` names it.
        let (named, nested) = match self.args.inner {
            Some(_) => (Some(inner), None),
            None => (None, Some(inner)),
        };
        let outer = self.outer(nested.as_ref());
        let entry = entry::statics(self.args, self.handler, self.arguments());
        let body_checks = body_check::checks(self.handler);
        let annotated_impl = endpoint::annotated_impl(&self.endpoint);
        let declared_impl = endpoint::declared_impl(&self.endpoint, self.args);
        quote! {
            #(#cfg)*
            #endpoint_type
            #outer
            #named
            #(#cfg)*
            const _: () = {
                use #runtime::__private as __underscore;
                #entry
                #(#body_checks)*
                #annotated_impl
                #declared_impl
            };
        }
    }

    /// The function that has the handler's name. It takes the call and runs the inner function.
    fn outer(&self, nested_inner: Option<&TokenStream>) -> TokenStream {
        let (handler, runtime, attrs) = (self.handler, &self.runtime, &self.attrs.outer);
        let (vis, ident, endpoint) = (&handler.vis, handler.ident(), &self.endpoint);
        let (params, _, _) = handler.sig.generics.split_for_impl();
        let where_clause = self.where_clause();
        let types = handler.argument_types();
        let future = quote! {
            impl ::core::future::Future<Output = #runtime::__private::Response>
        };
        let future = span::respanned(future, span::generated_at(ident.span()));
        let run = self.run();
        quote! {
            #(#attrs)*
            #vis fn #ident #params (
                __call: #runtime::__private::Call<#endpoint, (#(#types,)*)>
            ) -> #future #where_clause {
                #nested_inner
                #run
            }
        }
    }

    /// The handler's bounds, and a `Sized` bound on its return type. Without the bound, the return
    /// type would not be part of a public signature, and its methods could become dead code.
    fn where_clause(&self) -> Option<WhereClause> {
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

    /// Runs the inner function. The span is the return type's, so that errors about a type that is
    /// not a future or not a response point there.
    fn run(&self) -> TokenStream {
        let inner = self.inner_name();
        let generics = self.handler.sig.generics.params.iter();
        let generics = generics.filter_map(generic_argument);
        let count = self.handler.argument_types().count();
        let args: Vec<Ident> = (0..count)
            .map(|index| format_ident!("__arg{index}"))
            .collect();
        let span = match &self.handler.sig.output {
            ReturnType::Type(_, ty) => ty.span(),
            ReturnType::Default => inner.span(),
        };
        let span = span::generated_at(span);
        let run = if self.has_type_params() {
            "run_generic"
        } else {
            "run"
        };
        let run = Ident::new(run, span);
        quote_spanned!(span=>
            __call.#run(|(#(#args,)*)| #inner::<#(#generics),*>(#(#args),*))
        )
    }

    /// True if some types are known only where the handler is mounted. Its future may be `Send` for
    /// some of them only, and axum requires `Send` only of the mounted ones.
    fn has_type_params(&self) -> bool {
        let mut types = self.handler.sig.generics.type_params();
        types.next().is_some()
    }

    /// The function as the user wrote it, with its awaits rewritten.
    fn inner(&self) -> TokenStream {
        let attrs = &self.attrs.inner;
        let mut sig = self.handler.sig.clone();
        sig.ident = self.inner_name().clone();
        let vis = self.args.inner.as_ref().map(|_| {
            let vis = &self.handler.vis;
            quote!(#[doc(hidden)] #vis)
        });
        let body = awaits::rewrite_body(self.handler, &self.runtime);
        // Clippy skips these lints for the outer function, which is a value in `get(...)`, but not
        // for this one.
        quote! {
            #(#attrs)*
            #[allow(clippy::single_call_fn, clippy::unused_async)]
            #vis #sig #body
        }
    }

    /// The name of the function with the body.
    fn inner_name(&self) -> &Ident {
        self.args.inner.as_ref().unwrap_or(self.handler.ident())
    }

    /// The arguments as await points, because a request can be stuck in an extractor.
    fn arguments(&self) -> Option<TokenStream> {
        let function = self.handler.path_expr();
        let kind = quote!(__underscore::AwaitPoint);
        let inputs = &self.handler.sig.inputs;
        let points = inputs
            .iter()
            .map(|input| Point::new(input.span(), input).expr(&kind, &function));
        (!inputs.is_empty()).then(|| quote!(.arguments(&[#(#points),*])))
    }
}

/// A type or const parameter as an argument: `T`, `N`.
fn generic_argument(param: &GenericParam) -> Option<&Ident> {
    match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    }
}

/// True if the type can appear in a bound: it contains no `impl Trait`, `!` or `_`.
fn can_be_bounded(ty: &Type) -> bool {
    struct Unnameable(bool);
    impl Visit<'_> for Unnameable {
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
    let mut found = Unnameable(false);
    found.visit_type(ty);
    !found.0
}

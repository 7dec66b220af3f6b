//! Reads the function under the attribute and says what of it cannot be a handler. The body is kept
//! as tokens where it does not parse, so that half-typed code still reaches the compiler's own eyes.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    AttrStyle, Attribute, FnArg, GenericParam, Ident, ReturnType, Safety, Signature, Token, Type,
    TypeImplTrait, Visibility, token,
};

use crate::diagnostics::Diagnostics;

/// The most arguments that axum's `Handler` takes.
const MOST_EXTRACTORS: usize = 16;

/// A function that is to become a route.
pub(crate) struct Handler {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) brace: token::Brace,
    pub(crate) body: TokenStream,
}

impl Parse for Handler {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        if !stands_on_a_function(input) {
            return Err(
                input.error("`underscore_route` must stand on a function; move it to the handler")
            );
        }
        let sig = input.parse()?;
        let content;
        let brace = syn::braced!(content in input);
        // `#![allow(...)]` at the top of the body says the same as `#[allow(...)]` above the function.
        for mut attr in content.call(Attribute::parse_inner)? {
            attr.style = AttrStyle::Outer;
            attrs.push(attr);
        }
        Ok(Handler {
            attrs,
            vis,
            sig,
            brace,
            body: content.parse()?,
        })
    }
}

impl Handler {
    /// Reports everything about the signature that cannot be had.
    pub(crate) fn check(&self, diagnostics: &mut Diagnostics) {
        let sig = &self.sig;
        if sig.asyncness.is_none() && matches!(sig.output, ReturnType::Default) {
            diagnostics.error(
                sig.fn_token,
                format!("handler must be async; write `async fn {}`", sig.ident),
            );
        }
        if let Safety::Unsafe(token) = &sig.safety {
            diagnostics.error(token, "handler cannot be unsafe; remove `unsafe`");
        }
        if let Some(abi) = &sig.abi {
            diagnostics.error(abi, "handler cannot have an ABI; remove `extern`");
        }
        if let Some(token) = &sig.constness {
            diagnostics.error(token, "handler cannot be const; remove `const`");
        }
        if let Some(receiver) = sig.receiver() {
            diagnostics.error(
                receiver,
                "handler cannot be a method; write a free function that takes `State(...)` in place of `self`",
            );
        }
        for param in &sig.generics.params {
            if let GenericParam::Lifetime(lifetime) = param {
                diagnostics.error(
                    lifetime,
                    "handler cannot have lifetime parameters, for extractors own what they take; remove it",
                );
            }
        }
        for extra in sig.inputs.iter().skip(MOST_EXTRACTORS) {
            diagnostics.error(
                extra,
                format!("handler cannot take more than {MOST_EXTRACTORS} extractors; group some in a type that implements `FromRequestParts`"),
            );
        }
        for ty in self.argument_types() {
            ImplTrait { diagnostics }.visit_type(ty);
        }
    }

    pub(crate) fn ident(&self) -> &Ident {
        &self.sig.ident
    }

    /// The extractors' types, in the order in which they are extracted.
    pub(crate) fn argument_types(&self) -> impl Iterator<Item = &Type> {
        self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(&*typed.ty),
            FnArg::Receiver(_) => None,
        })
    }
}

/// Finds `impl Trait` in an argument's type.
struct ImplTrait<'a> {
    diagnostics: &'a mut Diagnostics,
}

impl<'ast> Visit<'ast> for ImplTrait<'_> {
    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        self.diagnostics.push(syn::Error::new(
            ty.span(),
            "extractor cannot be an `impl Trait`; write a type parameter, as in `fn list<T: Trait>(...)`",
        ));
        visit::visit_type_impl_trait(self, ty);
    }
}

/// Whether a signature begins here: anything but a function ends before it names one.
fn stands_on_a_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    while ahead.peek(Token![const])
        || ahead.peek(Token![async])
        || ahead.peek(Token![unsafe])
        || ahead.peek(Token![extern])
        || ahead.peek(syn::LitStr)
    {
        if ahead.parse::<proc_macro2::TokenTree>().is_err() {
            return false;
        }
    }
    ahead.peek(Token![fn])
}

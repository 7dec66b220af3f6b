//! Reads the function under the attribute and says what of it cannot be a handler. The body is kept
//! as tokens where it does not parse, so that half-typed code still reaches the compiler's own eyes.

use proc_macro2::TokenStream;
use quote::ToTokens;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::visit::{self, Visit};
use syn::{
    AttrStyle, Attribute, FnArg, Ident, Meta, PatType, Receiver, ReturnType, Safety, Signature,
    Token, Type, TypeImplTrait, Visibility, parse_quote, token,
};

use crate::diagnostics::Diagnostics;
use crate::{source, surroundings};

/// The most arguments that axum's `Handler` takes.
const MOST_EXTRACTORS: usize = 16;

/// A function that is to become a route.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) brace: token::Brace,
    pub(crate) body: TokenStream,
    /// The type or trait of a method, if known.
    pub(crate) owner: Option<String>,
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
            owner: None,
        })
    }
}

impl Handler {
    /// Reports everything about the function that cannot be had.
    pub(crate) fn check(&self, diagnostics: &mut Diagnostics) {
        // Methods get the error about `self`.
        if self.sig.receiver().is_none() && surroundings::is_in_impl(self.sig.fn_token.span) {
            diagnostics.error(
                self.ident(),
                format!(
                    "`underscore_route` cannot stand in an `impl` or a `trait`; write `{}` outside of it",
                    self.ident()
                ),
            );
        }
        self.check_qualifiers(diagnostics);
        self.check_attributes(diagnostics);
        self.check_arguments(diagnostics);
    }

    fn check_qualifiers(&self, diagnostics: &mut Diagnostics) {
        let (sig, name) = (&self.sig, self.ident());
        if sig.asyncness.is_none() && matches!(sig.output, ReturnType::Default) {
            let cure = format!("`{name}` must be async; write `async fn {name}`");
            diagnostics.error(sig.fn_token, cure);
        }
        if let Safety::Unsafe(token) = &sig.safety {
            diagnostics.error(token, format!("`{name}` cannot be unsafe; remove `unsafe`"));
        }
        if let Some(abi) = &sig.abi {
            let written = source::text(abi.to_token_stream());
            diagnostics.error(
                abi,
                format!("`{name}` cannot have an ABI; remove `{written}`"),
            );
        }
        if let Some(token) = &sig.constness {
            diagnostics.error(token, format!("`{name}` cannot be const; remove `const`"));
        }
    }

    fn check_attributes(&self, diagnostics: &mut Diagnostics) {
        for attr in &self.attrs {
            let path = attr.path();
            let segments: Vec<String> = path
                .segments
                .iter()
                .map(|part| part.ident.to_string())
                .collect();
            let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
            match segments[..] {
                [.., "underscore_route"] => diagnostics.error(
                    path,
                    "`underscore_route` cannot stand here twice; remove one, for a handler may be mounted at any number of paths",
                ),
                // Below, it would write what `openapi(paths(...))` looks for out of its reach.
                ["utoipa", .., "path"] => diagnostics.error(
                    path,
                    "`utoipa::path` must stand above `underscore_route`; move it up",
                ),
                _ => {}
            }
        }
    }

    fn check_arguments(&self, diagnostics: &mut Diagnostics) {
        let name = self.ident();
        if let Some(receiver) = self.sig.receiver() {
            diagnostics.error(
                receiver.self_token,
                "`self` cannot be an extractor; write a function outside of the `impl`, which takes `State(...)`",
            );
        }
        if let Some(extra) = self.sig.inputs.iter().nth(MOST_EXTRACTORS) {
            diagnostics.error(
                extra,
                format!("`{name}` cannot take more than {MOST_EXTRACTORS} extractors; group some in a type that derives `FromRequestParts`"),
            );
        }
        for ty in self.argument_types() {
            ImplTrait { name, diagnostics }.visit_type(ty);
        }
    }

    /// Splits a handler at its first argument with a `cfg`: the handler with the argument and its
    /// condition, and the handler without the argument and the negated condition.
    pub(crate) fn split(&self) -> Option<[(Meta, Handler); 2]> {
        let mut inputs = self.sig.inputs.iter();
        let at = inputs.position(|input| attrs_of(input).iter().any(is_cfg))?;
        let mut with = self.clone();
        let mut without = self.clone();
        let mut conditions = Vec::new();
        let input = with.sig.inputs.iter_mut().nth(at)?;
        let (FnArg::Typed(PatType { attrs, .. }) | FnArg::Receiver(Receiver { attrs, .. })) = input;
        attrs.retain(|attr| {
            let condition = is_cfg(attr)
                .then(|| attr.parse_args::<Meta>().ok())
                .flatten();
            let is_condition = condition.is_some();
            conditions.extend(condition);
            !is_condition
        });
        let others = without.sig.inputs.into_pairs().enumerate();
        let others = others
            .filter(|(index, _)| *index != at)
            .map(|(_, pair)| pair);
        without.sig.inputs = others.collect();
        let all: Meta = parse_quote!(all(#(#conditions),*));
        let none: Meta = parse_quote!(not(#all));
        (!conditions.is_empty()).then_some([(all, with), (none, without)])
    }

    /// `crate::module::function`, the function's path.
    pub(crate) fn function_name(&self) -> TokenStream {
        let owner = self.owner.iter().map(|owner| format!("::{owner}"));
        let suffix: String = owner.chain([format!("::{}", self.ident())]).collect();
        quote!(::core::concat!(::core::module_path!(), #suffix))
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

impl ToTokens for Handler {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Handler {
            attrs,
            vis,
            sig,
            brace,
            body,
            ..
        } = self;
        tokens.extend(quote!(#(#attrs)* #vis #sig));
        brace.surround(tokens, |inside| body.to_tokens(inside));
    }
}

fn attrs_of(input: &FnArg) -> &[Attribute] {
    let (FnArg::Typed(PatType { attrs, .. }) | FnArg::Receiver(Receiver { attrs, .. })) = input;
    attrs
}

fn is_cfg(attr: &Attribute) -> bool {
    attr.path().is_ident("cfg")
}

/// Finds `impl Trait` in an argument's type.
struct ImplTrait<'a> {
    name: &'a Ident,
    diagnostics: &'a mut Diagnostics,
}

impl<'ast> Visit<'ast> for ImplTrait<'_> {
    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let (name, bounds) = (self.name, source::text(ty.bounds.to_token_stream()));
        self.diagnostics.error(
            ty.impl_token,
            format!("`impl {bounds}` cannot be in an extractor's type; write `fn {name}<T: {bounds}>` and `T` here"),
        );
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

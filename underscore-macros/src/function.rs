//! Parses an annotated function. The body stays a token stream, so that a body that does not parse
//! yet still reaches the compiler, which reports the error and completes in it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{
    AttrStyle, Attribute, Block, FnArg, Ident, Meta, PatType, Receiver, Signature, Token, Type,
    Visibility, parse_quote, token,
};

/// A function with a body: a handler or a helper.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) brace: token::Brace,
    pub(crate) body: TokenStream,
    /// The type or trait of a method, if known.
    pub(crate) owner: Option<String>,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        if !peek_signature(input) {
            // `underscore_frame` has its own message.
            return Err(
                input.error("`underscore_route` must be on a function; move it to the handler")
            );
        }
        let sig = input.parse()?;
        let content;
        let brace = syn::braced!(content in input);
        // `#![allow(...)]` at the top of the body means the same as `#[allow(...)]` on the
        // function.
        for mut attr in content.call(Attribute::parse_inner)? {
            attr.style = AttrStyle::Outer;
            attrs.push(attr);
        }
        Ok(Function {
            attrs,
            vis,
            sig,
            brace,
            body: content.parse()?,
            owner: None,
        })
    }
}

impl Function {
    pub(crate) fn ident(&self) -> &Ident {
        &self.sig.ident
    }

    /// An expression for the path of the function, `crate::module::function`.
    pub(crate) fn path_expr(&self) -> TokenStream {
        let owner = self.owner.iter().map(|owner| format!("::{owner}"));
        let suffix: String = owner.chain([format!("::{}", self.ident())]).collect();
        quote!(::core::concat!(::core::module_path!(), #suffix))
    }

    /// The body. `Err` has its tokens if they do not parse.
    pub(crate) fn block(&self) -> Result<Block, TokenStream> {
        let mut tokens = TokenStream::new();
        self.brace
            .surround(&mut tokens, |inside| self.body.to_tokens(inside));
        syn::parse2(tokens.clone()).map_err(|_| tokens)
    }

    /// The types of the arguments, in order.
    pub(crate) fn argument_types(&self) -> impl Iterator<Item = &Type> {
        self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(&*typed.ty),
            FnArg::Receiver(_) => None,
        })
    }

    /// Splits a function at its first argument with a `cfg`: the function with the argument and its
    /// condition, and the function without the argument and the negated condition.
    pub(crate) fn split_at_cfg(&self) -> Option<[(Meta, Function); 2]> {
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
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Function {
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

/// True if a function signature follows: qualifiers, then `fn`.
fn peek_signature(input: ParseStream<'_>) -> bool {
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

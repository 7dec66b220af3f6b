//! `#[underscore_frame]`: continues the caller's stack in a helper function.
//!
//! Only the awaits of the function change, so it can be any function: a method, a trait method, a
//! generic function. On an `impl`, a `trait` or a `mod`, it applies to each function within.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Attribute, Block, ImplItem, Item, ItemImpl, ItemMod, ItemTrait, Path, Signature, TraitItem,
    Visibility,
};

use crate::args::Args;
use crate::awaits;
use crate::diagnostics::Diagnostics;
use crate::function::Function;
use crate::surroundings;

/// Expands `#[underscore_frame(args)] item`. On errors, returns them beside the unchanged item.
pub(crate) fn frame(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let args_tokens = args.clone();
    let args = Args::parse(args, &mut diagnostics);
    if args.declares_route() {
        diagnostics.error(
            args_tokens,
            "`underscore_frame` cannot declare a route; remove everything except `crate = ...`",
        );
    }
    let runtime = args.runtime();
    let framed = expand_function(item, &runtime).or_else(|| expand_block(item, &runtime));
    if framed.is_none() {
        let message = "`underscore_frame` must be on a function with a body, or on an `impl`, a \
                       `trait` or a `mod` with such functions; move it to the helper";
        diagnostics.error(item, message);
    }
    match (diagnostics.finish(), framed) {
        (None, Some(framed)) => framed,
        (errors, _) => quote!(#errors #item),
    }
}

/// Expands a single function. Its body need not parse.
fn expand_function(item: &TokenStream, runtime: &Path) -> Option<TokenStream> {
    let helper: Function = syn::parse2(item.clone()).ok()?;
    let Function {
        attrs, vis, sig, ..
    } = &helper;
    let body = awaits::rewrite_helper_body(&helper, runtime);
    Some(quote!(#(#attrs)* #vis #sig #body))
}

/// Expands an `impl`, a `trait` or an inline `mod`.
fn expand_block(item: &TokenStream, runtime: &Path) -> Option<TokenStream> {
    let mut item: Item = syn::parse2(item.clone()).ok()?;
    let is_block = matches!(&item, Item::Impl(_) | Item::Trait(_))
        || matches!(&item, Item::Mod(module) if module.content.is_some());
    Framer { runtime }.item(&mut item);
    is_block.then(|| item.into_token_stream())
}

/// Rewrites the functions of an item.
struct Framer<'a> {
    runtime: &'a Path,
}

impl Framer<'_> {
    fn item(&self, item: &mut Item) {
        match item {
            Item::Fn(item) => self.function(None, &item.attrs, &item.sig, &mut item.block),
            Item::Impl(item) => self.methods(item),
            Item::Trait(item) => self.defaults(item),
            Item::Mod(ItemMod {
                attrs,
                content: Some((_, items)),
                ..
            }) if !is_annotated(attrs) => {
                for item in items {
                    self.item(item);
                }
            }
            _ => {}
        }
    }

    fn methods(&self, item: &mut ItemImpl) {
        if is_annotated(&item.attrs) {
            return;
        }
        let owner = surroundings::type_name(&item.self_ty);
        for item in &mut item.items {
            if let ImplItem::Fn(item) = item {
                self.function(owner.as_ref(), &item.attrs, &item.sig, &mut item.block);
            }
        }
    }

    fn defaults(&self, item: &mut ItemTrait) {
        if is_annotated(&item.attrs) {
            return;
        }
        let owner = Some(item.ident.to_string());
        for item in &mut item.items {
            if let TraitItem::Fn(item) = item
                && let Some(block) = &mut item.default
            {
                self.function(owner.as_ref(), &item.attrs, &item.sig, block);
            }
        }
    }

    fn function(
        &self,
        owner: Option<&String>,
        attrs: &[Attribute],
        sig: &Signature,
        block: &mut Block,
    ) {
        if is_annotated(attrs) {
            return;
        }
        let helper = Function {
            attrs: Vec::new(),
            vis: Visibility::Inherited,
            sig: sig.clone(),
            brace: block.brace_token,
            body: block.stmts.iter().map(ToTokens::to_token_stream).collect(),
            owner: owner.cloned(),
        };
        if let Ok(framed) = syn::parse2(awaits::rewrite_helper_body(&helper, self.runtime)) {
            *block = framed;
        }
    }
}

/// True if the item has an attribute of this crate itself. That one is expanded later.
fn is_annotated(attrs: &[Attribute]) -> bool {
    let names = ["underscore_route", "underscore_frame"];
    attrs.iter().any(|attr| {
        let last = attr.path().segments.last();
        last.is_some_and(|last| names.iter().any(|name| last.ident == name))
    })
}

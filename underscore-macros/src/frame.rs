//! `#[underscore_frame]`: a helper function that goes on with the stack of whoever awaits it. Nothing of the
//! function changes but its awaits, so it can be any function: a method, a trait's, a generic one.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse_quote;

use crate::args::Args;
use crate::awaits;
use crate::diagnostics::Diagnostics;
use crate::handler::Handler;

/// `#[underscore_frame(args)] item`. Never fails: what is wrong comes back beside the user's item.
pub(crate) fn frame(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let written = args.clone();
    let args = Args::parse(args, &mut diagnostics);
    if args.names_a_route() {
        diagnostics.error(
            written,
            "`underscore_frame` cannot name a route; write `crate = ...` or nothing",
        );
    }
    let helper = syn::parse2::<Handler>(item.clone()).map_err(|_| {
        let message =
            "`underscore_frame` must stand on a function with a body; move it to the helper";
        diagnostics.error(item, message);
    });
    if let Some(errors) = diagnostics.finish() {
        return quote!(#errors #item);
    }
    let Ok(helper) = helper else {
        return item.clone();
    };
    let runtime = args
        .runtime
        .unwrap_or_else(|| parse_quote!(::underscore_runtime));
    let Handler {
        attrs, vis, sig, ..
    } = &helper;
    let body = awaits::body(&helper, &runtime);
    quote!(#(#attrs)* #vis #sig #body)
}

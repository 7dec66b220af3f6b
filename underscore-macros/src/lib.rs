//! The attributes of [`underscore-runtime`](https://docs.rs/underscore-runtime), which re-exports them:
//! depend on that crate, not on this one.
//!
//! Here are the entries only; each stage has a file: `args` reads the parentheses, `handler` the
//! function, `attrs` sorts its other attributes, `awaits` rewrites its body, `expand` and `endpoint`
//! write what the compiler gets back, `frame` does it for a helper, `source` is the text of an await as tables show it, `surroundings` says what an item stands in, and
//! `diagnostics` collects what is wrong.

mod args;
mod attrs;
mod awaits;
mod diagnostics;
mod endpoint;
mod expand;
#[cfg(test)]
mod expansions;
mod frame;
mod handler;
mod macros;
mod source;
mod surroundings;
mod upgrades;

use proc_macro::TokenStream;

// The documentation stands at the re-export, where its examples can see the runtime.
#[allow(missing_docs)]
#[proc_macro_attribute]
pub fn underscore_route(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::route(args.into(), &item.into()).into()
}

#[allow(missing_docs)]
#[proc_macro_attribute]
pub fn underscore_frame(args: TokenStream, item: TokenStream) -> TokenStream {
    frame::frame(args.into(), &item.into()).into()
}

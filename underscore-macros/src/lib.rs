//! The attribute of [`underscore-runtime`](https://docs.rs/underscore-runtime), which re-exports it:
//! depend on that crate, not on this one.
//!
//! Here are the entries only; each stage has a file: `args` reads the parentheses, `handler` the
//! function, `awaits` rewrites its body, `expand` writes what the compiler gets back, and
//! `diagnostics` collects what is wrong.

mod args;
mod awaits;
mod diagnostics;
mod expand;
mod handler;

use proc_macro::TokenStream;

// The documentation stands at the re-export, where its examples can see the runtime.
#[allow(missing_docs)]
#[proc_macro_attribute]
pub fn underscore_route(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::route(args.into(), item.into()).into()
}

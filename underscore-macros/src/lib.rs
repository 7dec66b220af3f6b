//! The attribute macros of [`underscore-runtime`](https://docs.rs/underscore-runtime), which
//! re-exports them. Depend on that crate, not on this one.
//!
//! This file has only the entry points. `route` and `frame` expand the two attributes. `args`
//! parses the attribute's arguments, `function` the annotated function, and `check` reports why a
//! function cannot be a handler. `attrs` assigns its other attributes to the generated items.
//! `awaits` rewrites a body, with `macro_input` for the arguments of macros and `upgrades` for
//! WebSocket callbacks, and `guards` adds markers of the guards that it holds. `entry` registers a
//! handler, `kept` expands one that keeps its signature. `endpoint` generates the type that
//! identifies a handler to the runtime, and `body_check` the check that only the last extractor
//! consumes the body. `source` formats tokens as tables show them, `span` makes spans,
//! `surroundings` detects an enclosing `impl`, and `diagnostics` collects errors.

mod args;
mod attrs;
mod awaits;
mod body_check;
mod check;
mod diagnostics;
mod endpoint;
mod entry;
#[cfg(test)]
mod expansions;
mod frame;
mod function;
mod guards;
mod kept;
mod macro_input;
mod route;
mod source;
mod span;
mod surroundings;
mod upgrades;

use proc_macro::TokenStream;

// Documented at the re-export, where the examples can use the runtime.
#[allow(missing_docs)]
#[proc_macro_attribute]
pub fn underscore_route(args: TokenStream, item: TokenStream) -> TokenStream {
    route::route(args.into(), &item.into()).into()
}

#[allow(missing_docs)]
#[proc_macro_attribute]
pub fn underscore_frame(args: TokenStream, item: TokenStream) -> TokenStream {
    frame::frame(args.into(), &item.into()).into()
}
